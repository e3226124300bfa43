"""What writes files of this repository; no part of the installed package."""

// One script with two parts: the page, and the worker that hears.
import { listen } from "./player/worker";
import { start } from "./ui/page";

if (typeof document === "undefined") listen();
else start();

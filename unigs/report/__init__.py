"""Tables, figures and the page that people open."""

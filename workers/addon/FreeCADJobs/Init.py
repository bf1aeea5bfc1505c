# Nothing to do without a window.

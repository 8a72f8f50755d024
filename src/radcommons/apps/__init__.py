"""What starts: the command line, the ASGI application, the worker, the supervisor and the demonstration."""

"""What starts: the command line, the ASGI application, the worker, the supervisor and the demonstration."""

import warnings

# The embedded database's wheel looks for a runtime directory that machines without a login session do not have.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")

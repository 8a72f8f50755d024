"""The pages that belong to no single room: layout, home, people, audit, sign-in, errors and static files."""

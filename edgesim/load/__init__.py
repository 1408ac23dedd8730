"""Load: a schedule of requests, the client processes that send it, and what came of it."""

"""What Envoy's filters, router and connection manager decide about one request, as plain functions.

Each file compiles one policy of the model once per route and decides per request; time and random values
are passed in.
"""

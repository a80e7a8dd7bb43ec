"""The reference build: the same service as most good Python teams would write it, to be measured beside Emporion.

FastAPI, pydantic, SQLAlchemy's async ORM on asyncpg, uvicorn; nothing in it is slow on purpose. It has GET and POST
/customers and GET /customers/{id} of contract version 1.6, with the same answers. To its advantage it does not have
what these requests need no answer for: the log of events, verification, X-Api-Version, X-Ignored-Parameters, paths
with a slash at the end, and some finer rules of fields.
"""

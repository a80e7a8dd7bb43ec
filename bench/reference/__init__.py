"""The reference build: the same service as most good Python teams would write it, to be measured beside Emporion.

FastAPI, pydantic, SQLAlchemy's async ORM on asyncpg, uvicorn; nothing in it is slow on purpose. It has GET and POST
/customers and GET /customers/{id} of contract version 1.6, GET /products and /orders, by id as well, POST /orders and
/orders/estimate for sales, all with the same answers. To its advantage it does not have what these requests need no
answer for: the log of events, verification, X-Api-Version, X-Ignored-Parameters, paths with a slash at the end, some
finer rules of fields, tiers of prices, prices of more than one level, promises of estimates, and what is done behind an
order: it stays submitted.
"""

"""The console at `/ops`: what the stack knows, for the people who run the service.

| file                       | role                                                  |
|----------------------------|-------------------------------------------------------|
| `layer`                    | settings, and what they add to the plan               |
| `frame`                    | the ASGI application below `/ops`                     |
| `visit`                    | one authenticated request, as its page sees it        |
| `pages`                    | which pages there are                                 |
| `sources`                  | the handles of the other layers, where they are on    |
| `look`, `assets`           | templates and static files; `health` shares them      |
| `queries`                  | filters, cursors and answers of the JSON API          |
| `access`, `login`, `sessions`, `revoked`, `origin`, `throttle`, `audit` | who may |
"""

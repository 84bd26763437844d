"""Settings of the error contract, and what they add to the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_settings import SettingsConfigDict
from starlette.middleware import Middleware

from steadfastapi._settings import LayerSettings
from steadfastapi.contract import body_cap, handlers, openapi, responder

if TYPE_CHECKING:
    from starlette.types import Message

    from steadfastapi._boundary import Responder
    from steadfastapi._plan import Plan


class Contract(LayerSettings):
    """Answer every failure with `{"detail": …}`, and document it.

    The application's own exception handlers win, also the one for `Exception`.
    """

    model_config = SettingsConfigDict(env_prefix="STEADFAST_CONTRACT_")
    name: ClassVar[str] = "contract"

    openapi: bool = True
    """Whether OpenAPI lists the true error responses of each operation, with the
    schema `ErrorDetail`, so that generated clients know `detail`."""

    def contribute(self, plan: Plan) -> None:
        """Take over how errors are answered."""
        plan.contract = _ErrorContract()
        plan.note('every error as {"detail": …}', "boundary")
        plan.note("X-Request-ID on every response", "exchange")
        if self.openapi:
            plan.openapi(openapi.complete, mounts=True)


class _ErrorContract:
    """Implements `steadfastapi._plan.ErrorContract`."""

    def adopt(self, app: Any) -> None:
        handlers.adopt(app)

    def responder(self, handler: Any | None) -> Responder:
        return responder.server_error(handler)

    def outer_responder(self, handler: Any | None, user: list[Middleware]) -> Responder:
        return responder.through_cors(responder.server_error(handler), user)

    def refine(self, start: Message, body: Message) -> tuple[Message, Message]:
        return responder.content_too_large(start, body)

    def body_cap(self, app: Any, user: list[Middleware]) -> list[Middleware]:
        limit = getattr(app, "max_body_size", None)
        if limit is None:
            return []
        respond = responder.through_cors(body_cap.too_large, user)
        return [Middleware(body_cap.BodyCap, limit=limit, respond=respond)]

    def document(
        self, document: dict[str, Any], description: str, headers: dict[str, Any]
    ) -> dict[str, Any]:
        schema = openapi.error_schema(document)
        return openapi.error_response(description, headers=headers, schema=schema)

    def body_limit(self, app: Any) -> list[Middleware]:
        limit = getattr(app, "max_body_size", None)
        if limit is None:
            return []
        # Exists wherever `max_body_size` does (Starlette 1.10, FastAPI 0.165).
        from starlette.middleware.body_limit import (  # noqa: PLC0415
            RequestBodyLimitMiddleware,
        )

        return [Middleware(RequestBodyLimitMiddleware, max_body_size=limit)]

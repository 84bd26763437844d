"""Which log lines become breadcrumbs."""

from __future__ import annotations

import logging

import structlog

from sentry.harness import answer, delivered, sentried
from steadfastapi import bind


def test_lines_of_both_kinds_lead_to_the_error() -> None:
    """Lines of structlog and stdlib are breadcrumbs once each; ours are none."""
    with sentried() as (app, receiver):

        @app.get("/crash")
        def crash() -> None:
            bind(user_id=7)
            structlog.get_logger().warning("low stock", apples=1, password="hunter2")
            logging.getLogger("shop").info("counting")
            structlog.get_logger("till").info("empty")
            raise ArithmeticError

        structlog.get_logger().info("outside of any request")
        answer(app, "GET", "/crash")
        answer(app, "GET", "/crash")
        for event in delivered(receiver):
            first, second, third = event["breadcrumbs"]["values"]
            assert ("structlog", "warning", "low stock") == (
                first["category"],
                first["level"],
                first["message"],
            )
            assert {"apples": 1, "password": "[redacted]"} == first["data"]
            assert ("shop", "info", "counting") == (
                second["category"],
                second["level"],
                second["message"],
            )
            assert ("till", "empty") == (third["category"], third["message"])
        assert "hunter2" not in receiver.raw()

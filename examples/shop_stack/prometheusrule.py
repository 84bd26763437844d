"""Write `prometheus/rules/` once more, as the Prometheus operator wants it.

python examples/shop_stack/prometheusrule.py
"""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus" / "rules"
MANIFEST = ROOT / "examples" / "kubernetes" / "prometheusrule.json"


def manifest(rules: Path = RULES) -> dict[str, Any]:
    """Return one PrometheusRule with the groups of every file of a directory."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "shop",
            "labels": {
                "app.kubernetes.io/name": "shop",
                "app.kubernetes.io/part-of": "steadfastapi",
            },
        },
        "spec": {
            "groups": [
                group
                for path in sorted(rules.glob("*.json"))
                for group in json.loads(path.read_text("utf-8"))["groups"]
            ]
        },
    }


def text() -> str:
    """Return the manifest as it is committed."""
    return json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    MANIFEST.write_text(text(), "utf-8")

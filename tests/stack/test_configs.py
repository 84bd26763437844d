"""Configuration of Grafana, Loki, Tempo and the collector: what they agree on."""

import re
from typing import Any

import pytest

from support.stack import DASHBOARDS, DATASOURCES, ROOT, mounts, parsed, services

COLLECTOR = ROOT / "deploy" / "otelcol.yml"
LOKI = ROOT / "deploy" / "loki.yml"
TEMPO = ROOT / "deploy" / "tempo.yml"
PROVIDER = ROOT / "grafana" / "provisioning" / "dashboards" / "steadfastapi.yml"
GONE_IN_TEMPO_3 = (
    "ingester",
    "ingester_client",
    "compactor",
    "metrics_generator_client",
)


def sources() -> dict[str, dict[str, Any]]:
    """Return the data sources by uid."""
    return {one["uid"]: one for one in parsed(DATASOURCES)["datasources"]}


def strings(value: Any) -> list[str]:
    """Return every text in a parsed file."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def port_of(url: str) -> str:
    """Return host and port."""
    return url.split("//")[1].split("/", maxsplit=1)[0]


def test_the_data_sources_have_the_names_that_are_linked_to() -> None:
    """Each uid that one of them mentions is another one's."""
    assert {"prometheus", "alertmanager", "loki", "tempo"} == set(sources())
    linked = re.findall(
        r"(?:datasourceUid|alertmanagerUid): (\S+)", DATASOURCES.read_text()
    )
    assert linked
    assert set() == set(linked) - set(sources())


def test_a_graph_leads_to_a_trace_and_a_trace_to_its_lines() -> None:
    """By the names that the application exports."""
    prometheus, loki, tempo = (
        sources()[uid]["jsonData"] for uid in ("prometheus", "loki", "tempo")
    )
    assert ["trace_id"] == [
        one["name"] for one in prometheus["exemplarTraceIdDestinations"]
    ]
    (derived,) = loki["derivedFields"]
    assert ("label", "trace_id") == (derived["matcherType"], derived["matcherRegex"])
    assert [{"key": "service.name", "value": "service_name"}] == (
        tempo["tracesToLogsV2"]["tags"]
    )
    assert "prometheus" == sources()["alertmanager"]["jsonData"]["implementation"]


def test_dollars_are_doubled() -> None:
    """Grafana would replace a single one by a variable of its environment."""
    single = [
        text
        for text in strings(parsed(DATASOURCES))
        if re.search(r"(?<!\$)\$(?!\$)", text.replace("$$", ""))
    ]
    assert [] == single


def test_the_resolution_is_the_scrape_interval() -> None:
    """`$__rate_interval` is made of it."""
    interval = parsed(ROOT / "prometheus" / "prometheus.yml")["global"]
    assert (
        interval["scrape_interval"]
        == (sources()["prometheus"]["jsonData"]["timeInterval"])
    )


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_for_data_sources_that_are_provisioned(path: Any) -> None:
    """Each variable of a data source has one of its type."""
    types = {one["type"] for one in sources().values()}
    wanted = {
        variable["query"]
        for variable in parsed(path)["templating"]["list"]
        if variable["type"] == "datasource"
    }
    assert wanted
    assert set() == wanted - types


def test_dashboards_are_where_grafana_looks() -> None:
    """The provider's path is the mount's, and the first page is one of them."""
    (provider,) = parsed(PROVIDER)["providers"]
    grafana = services()["grafana"]
    folder = mounts(grafana)[provider["options"]["path"]]
    assert DASHBOARDS == sorted((ROOT / folder).glob("*.json"))
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / folder / home.rpartition("/")[2]).exists()
    quick = parsed(ROOT / "deploy" / "quick" / "dashboards.yml")
    assert quick["providers"][0]["options"]["path"] in mounts(services()["lgtm"])


def test_the_collector_hands_on_what_the_shop_sends() -> None:
    """Traces to Tempo, logs to Loki's OTLP endpoint, on the ports that these have."""
    collector = parsed(COLLECTOR)
    pipelines = collector["service"]["pipelines"]
    ports = {
        "traces": parsed(TEMPO)["distributor"]["receivers"]["otlp"]["protocols"][
            "http"
        ]["endpoint"].replace("0.0.0.0", "tempo"),
        "logs": f"loki:{parsed(LOKI)['server']['http_listen_port']}",
    }
    for signal, pipeline in pipelines.items():
        (exporter,) = pipeline["exporters"]
        assert ports[signal] == port_of(collector["exporters"][exporter]["endpoint"])
        assert "memory_limiter" == pipeline["processors"][0]
    assert collector["exporters"]["otlp_http/loki"]["endpoint"].endswith("/otlp")
    endpoint = services()["api"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    own = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert endpoint == f"http://otelcol:{own.rpartition(':')[2]}"


def test_every_part_of_the_collector_is_used() -> None:
    """One that is defined and in no pipeline would do nothing; the reverse stops it."""
    collector = parsed(COLLECTOR)
    used: dict[str, set[str]] = {
        "receivers": set(),
        "processors": set(),
        "exporters": set(),
    }
    for pipeline in collector["service"]["pipelines"].values():
        for kind, names in used.items():
            names |= set(pipeline[kind])
    assert used == {kind: set(collector[kind]) for kind in used}
    assert set(collector["extensions"]) == set(collector["service"]["extensions"])


def test_loki_can_keep_what_otlp_brings() -> None:
    """Structured metadata, where the trace id is, needs schema v13 on tsdb."""
    (schema,) = parsed(LOKI)["schema_config"]["configs"]
    assert ("tsdb", "v13") == (schema["store"], schema["schema"])
    limits = parsed(LOKI)["limits_config"]
    assert limits["allow_structured_metadata"]
    assert limits["discover_log_levels"]


def test_tempo_is_configured_for_its_third_version() -> None:
    """Blocks of Tempo 2 stop it; span metrics go to Prometheus with their exemplars."""
    tempo = parsed(TEMPO)
    assert [] == [name for name in GONE_IN_TEMPO_3 if name in tempo]
    (write,) = tempo["metrics_generator"]["storage"]["remote_write"]
    assert (True, "prometheus:9090") == (write["send_exemplars"], port_of(write["url"]))
    flags = services()["prometheus"]["command"]
    assert "--web.enable-remote-write-receiver" in flags
    assert "--enable-feature=exemplar-storage" in flags
    generator = tempo["overrides"]["defaults"]["metrics_generator"]
    assert "span-metrics" in generator["processors"]


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "loki", "tempo"])
def test_data_sources_lead_to_the_ports_of_the_services(name: str) -> None:
    """The port that the data source asks is the one that the service publishes."""
    host, _, port = port_of(sources()[name]["url"]).partition(":")
    assert name == host
    assert port in {line.rpartition(":")[2] for line in services()[name]["ports"]}

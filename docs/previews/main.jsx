// Draws panels of one dashboard with Grafana's component library, from data that
// docs/previews.py has fetched from a Prometheus.
import "uplot/dist/uPlot.min.css";
import { createRoot } from "react-dom/client";
import {
  createTheme,
  dateTime,
  FieldType,
  getDisplayProcessor,
  ThemeContext,
} from "@grafana/data";
import {
  BarGauge,
  BarGaugeDisplayMode,
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  GlobalStyles,
  TimeSeries,
} from "@grafana/ui";
import { VizOrientation } from "@grafana/schema";

const UNIT = 66; // pixels of one of the 24 columns
const ROW = 30; // and of one row of the grid
const HEAD = 34;
const theme = createTheme({ colors: { mode: "dark" } });
const { board, panels } = window.PREVIEW;

function configured(panel, index, name) {
  const defaults = panel.fieldConfig.defaults;
  const steps = defaults.thresholds.steps.map(({ color, value }) => ({
    color,
    value: value ?? -Infinity,
  }));
  const override = panel.fieldConfig.overrides.find(
    ({ matcher }) => matcher.options === String.fromCharCode(65 + index),
  );
  const unit = override?.properties.find(({ id }) => id === "unit")?.value;
  return {
    ...defaults,
    unit: unit ?? defaults.unit,
    displayName: name,
    thresholds: { mode: "absolute", steps },
  };
}

function field(panel, { target, name, values }) {
  const made = {
    name,
    type: FieldType.number,
    config: configured(panel, target, name),
    values,
    state: {},
  };
  made.display = getDisplayProcessor({ field: made, theme });
  return made;
}

function Graph({ panel, series, range, width, height }) {
  const frames = series.map((one, index) => {
    const value = field(panel, one);
    value.state = { seriesIndex: index };
    const time = {
      name: "Time",
      type: FieldType.time,
      config: {},
      values: one.times,
    };
    time.display = getDisplayProcessor({ field: time, theme });
    return { refId: `A${index}`, fields: [time, value], length: one.times.length };
  });
  return (
    <TimeSeries
      width={width}
      height={height}
      timeRange={range}
      timeZone="utc"
      frames={frames}
      legend={panel.options.legend}
    />
  );
}

const last = (values) => values.filter((value) => value !== null).at(-1);

function Values({ panel, series, width, height }) {
  const shown = series.slice(0, 6);
  const each = Math.floor(width / Math.max(shown.length, 1));
  const vertical = panel.type !== "stat" || each < 130;
  const size = vertical
    ? { width, height: Math.floor(height / Math.max(shown.length, 1)) }
    : { width: each, height };
  return (
    <div style={{ display: "flex", flexDirection: vertical ? "column" : "row" }}>
      {shown.map((one) => (
        <Value key={one.name} panel={panel} one={one} {...size} />
      ))}
    </div>
  );
}

function Value({ panel, one, width, height }) {
  const made = field(panel, one);
  const display = { ...made.display(last(one.values) ?? null), title: one.name };
  const common = { value: display, field: made.config, theme, width, height };
  // The library does not offer the round gauge any more.
  if (panel.type !== "stat") {
    return (
      <BarGauge
        {...common}
        orientation={VizOrientation.Horizontal}
        displayMode={BarGaugeDisplayMode.Basic}
        display={made.display}
      />
    );
  }
  return (
    <BigValue
      value={display}
      width={width}
      height={height}
      theme={theme}
      colorMode={BigValueColorMode.Value}
      graphMode={BigValueGraphMode.None}
    />
  );
}

function Panel({ panel, series, place, range }) {
  const width = place.w * UNIT - 8;
  const height = place.h * ROW - 8;
  const inner = { width: width - 16, height: height - HEAD - 8 };
  const Body = panel.type === "timeseries" ? Graph : Values;
  return (
    <section
      style={{
        position: "absolute",
        left: place.x * UNIT,
        top: place.y * ROW,
        width,
        height,
        background: theme.colors.background.primary,
        border: `1px solid ${theme.colors.border.weak}`,
        borderRadius: 2,
        overflow: "hidden",
      }}
    >
      <h2 style={{ font: "500 14px Inter, sans-serif", padding: 8, margin: 0 }}>
        {panel.title}
      </h2>
      <div style={{ padding: "0 8px" }}>
        <Body panel={panel} series={series} range={range} {...inner} />
      </div>
    </section>
  );
}

function Board() {
  const from = dateTime(board.from * 1000);
  const to = dateTime(board.to * 1000);
  const range = { from, to, raw: { from, to } };
  const bottom = Math.max(...panels.map(({ place }) => place.y + place.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <main
        style={{ position: "relative", width: 24 * UNIT, height: bottom * ROW + 28 }}
      >
        {panels.map((one) => (
          <Panel key={one.panel.id} range={range} {...one} />
        ))}
        <footer
          style={{
            position: "absolute",
            top: bottom * ROW + 4,
            color: theme.colors.text.secondary,
          }}
        >
          {board.caption}
        </footer>
      </main>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById("root")).render(<Board />);
document.title = "drawn";

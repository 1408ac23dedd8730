"use strict";
// Draws the charts that chart.py describes. Whatever comes from a run is set as text, never as HTML.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const narrow = () => window.innerWidth <= 560;
  const style = () => getComputedStyle(document.documentElement);
  const colour = (name) => style().getPropertyValue(name).trim();
  const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif";
  const LEVELS = [[1, "0%"], [2, "50%"], [4, "75%"], [10, "90%"], [20, "95%"], [100, "99%"], [1e3, "99.9%"], [1e4, "99.99%"],
    [1e5, "99.999%"], [1e6, "99.9999%"], [1e7, "99.99999%"], [1e8, "99.999999%"]];

  const number = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en-US");
    return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
  };
  const withUnit = (value, unit) => {
    if (value === null || value === undefined) return "–";
    if (unit === "ms" && Math.abs(value) >= 10000) return number(value / 1000) + " s";
    return number(value) + (unit === "%" || unit === "/s" || !unit ? unit : " " + unit);
  };
  const clock = (seconds, longest) => {
    if (longest <= 120) return number(seconds) + " s";
    const whole = Math.round(seconds), two = (part) => String(part).padStart(2, "0");
    const hours = Math.floor(whole / 3600), rest = two(Math.floor(whole / 60) % 60) + ":" + two(whole % 60);
    return hours ? hours + ":" + rest : rest;
  };
  const percentile = (x) => {
    if (x <= 1) return "0%";
    const digits = Math.max(1, Math.ceil(Math.log10(x) - 1e-9) - 1);
    return Number((100 * (1 - 1 / x)).toFixed(Math.min(digits, 9))) + "%";
  };
  const label = (chart, x) => {
    if (chart.axis === "percentile") return percentile(x);
    if (chart.axis === "rate") return number(x) + " requests/s";
    return clock(x, chart.x[chart.x.length - 1] || 0);
  };
  const group = (series) => series.group || series.name;
  const alpha = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, "0");

  // What uPlot draws: a list of lines, of which some are only the edges of bands.
  const lines = (chart, hidden) => {
    const seen = chart.series.filter((each) => !hidden.has(group(each)));
    const made = [], bands = [], data = [chart.x];
    const add = (values, options) => { data.push(values); made.push(options); return made.length; };
    let stack = chart.x.map(() => 0);
    const bars = seen.filter((each) => each.style === "bars").map((each) => {
      stack = stack.map((below, index) => below + (each.values[index] || 0));
      return { each, values: stack };
    });
    for (const { each, values } of bars.reverse()) {
      const ink = colour(each.colour);
      add(values.map((value) => value || null), {
        stroke: ink, fill: ink, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 28], radius: 0.08 }),
      });
    }
    for (const each of seen.filter((other) => other.style !== "bars")) {
      const ink = colour(each.colour), few = chart.x.length <= 2;
      const edge = each.low && each.high;
      if (edge) {
        const thin = { stroke: alpha(ink, 0.55), width: each.high === each.values || same(each) ? 1.25 : 0, points: { show: false } };
        const high = same(each) ? null : add(each.high, { stroke: ink, width: 0, points: { show: false } });
        const low = add(each.low, thin);
        const middle = add(each.values, line(each, ink, few));
        bands.push({ series: [high || middle, low], fill: alpha(ink, 0.15) });
      } else {
        add(each.values, line(each, ink, few));
      }
    }
    return { data, made, bands };
  };
  const same = (each) => each.high.every((value, index) => value === each.values[index]);
  const line = (each, ink, few) => ({
    stroke: ink,
    width: each.dashed ? 1.5 : 2,
    dash: each.dashed ? [6, 5] : undefined,
    fill: each.style === "area" ? alpha(ink, 0.13) : undefined,
    paths: each.style === "points" ? () => null : undefined,
    points: { show: few || each.style === "points", size: each.style === "points" ? 9 : 6, fill: ink },
  });

  // On a logarithmic scale: the tens, and where there are few of them numbers between.
  const decades = (_plot, _axis, low, high) => {
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), found = [];
    for (let power = first; power <= last; power++) {
      for (const step of last - first > 3 ? [1] : last - first > 2 ? [1, 3] : [1, 2, 5]) found.push(Number(`${step}e${power}`));
    }
    return found.filter((each) => each >= low && each <= high);
  };

  const axes = (chart, width, logarithmic) => {
    const ink = colour("--soft"), grid = { stroke: colour("--grid"), width: 1 };
    const base = { stroke: ink, font: FONT, grid, ticks: { show: false } };
    const x = { ...base, size: 34, gap: 8, grid: { show: false }, space: width < 420 ? 62 : 74 };
    if (chart.axis === "percentile") {
      const fits = LEVELS.filter(([level]) => level <= chart.x[chart.x.length - 1])
        .filter(([level]) => (width < 520 ? ![1, 4, 20].includes(level) : true));
      x.splits = () => fits.map(([level]) => level);
      x.values = () => fits.map(([, name]) => name);
      x.filter = (_plot, splits) => splits;
      x.grid = grid;
    } else if (chart.axis === "time") {
      const longest = chart.x[chart.x.length - 1] || 0;
      x.incrs = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200];
      x.values = (_plot, splits) => splits.map((each) => clock(each, longest));
    } else {
      x.values = (_plot, splits) => splits.map((each) => number(each));
    }
    const y = {
      ...base, gap: 6, space: 38,
      size: (plot, values) => {
        if (!values) return 40;
        plot.ctx.save();
        plot.ctx.font = FONT;
        const widest = Math.max(...values.map((each) => plot.ctx.measureText(each || "").width));
        plot.ctx.restore();
        return Math.ceil(widest) + 12;
      },
      values: (_plot, splits) => splits.map((each) => (each === null ? "" : withUnit(each, chart.unit))),
    };
    if (logarithmic) Object.assign(y, { splits: decades, filter: (_plot, splits) => splits });
    return [x, y];
  };

  // Stretches that are in no other figure: warm-up and cool-down.
  const shades = (chart) => (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const [from, to, why] of chart.shaded) {
      const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
      if (right <= left) continue;
      ctx.fillStyle = colour("--shade");
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.fillStyle = colour("--soft");
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      ctx.textBaseline = "top";
      if (ctx.measureText(why).width + 8 * devicePixelRatio < right - left) ctx.fillText(why, left + 4 * devicePixelRatio, bbox.top + 4 * devicePixelRatio);
    }
    ctx.restore();
  };

  // Moments with a name, written beside their line where there is room before the next.
  const marks = (chart) => (plot) => {
    const { ctx, bbox } = plot, ratio = devicePixelRatio, right = bbox.left + bbox.width;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.strokeStyle = ctx.fillStyle = colour("--soft");
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    chart.marks.forEach(([at, name], index) => {
      const left = plot.valToPos(at, "x", true), next = index + 1 < chart.marks.length ? plot.valToPos(chart.marks[index + 1][0], "x", true) : right;
      if (left < bbox.left || left > right) return;
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      let text = name;
      const room = next - left - 8 * ratio;
      while (text.length > 2 && ctx.measureText(text).width > room) text = text.slice(0, -2) + "…";
      if (ctx.measureText(text).width <= room) ctx.fillText(text, left + 4 * ratio, bbox.top - 12 * ratio);
    });
    ctx.restore();
  };

  const rows = (chart, hidden, index) => chart.series
    .filter((each) => !hidden.has(group(each)))
    .map((each) => {
      const value = withUnit(each.values[index], chart.unit);
      if (!each.low || !each.high || each.values[index] === null) return { each, text: value };
      const low = withUnit(each.low[index], chart.unit), high = withUnit(each.high[index], chart.unit);
      return { each, text: same(each) ? `${low} – ${high}` : `${value} (${low} – ${high})` };
    })
    .filter(({ each, text }) => text !== "–" && !(each.style === "bars" && text === "0"));

  const name = (each) => (each.low && same(each) ? `${group(each)} p50 – p99` : each.name);

  const tip = (chart, hidden, place) => {
    const box = document.createElement("div");
    box.className = "tip";
    box.hidden = true;
    place.append(box);
    const show = (plot) => {
      const index = plot.cursor.idx;
      const here = place.matches(":hover") || document.activeElement === place;
      box.hidden = index === null || index === undefined || plot.cursor.left < 0 || !here;
      if (box.hidden) return;
      const title = document.createElement("b");
      title.textContent = label(chart, chart.x[index]);
      box.replaceChildren(title, ...rows(chart, hidden, index).map(({ each, text }) => {
        const row = document.createElement("div"), dot = document.createElement("i");
        const what = document.createElement("span"), value = document.createElement("strong");
        dot.style.background = colour(each.colour);
        what.textContent = name(each);
        value.textContent = text;
        row.append(dot, what, value);
        return row;
      }));
      const left = plot.cursor.left + plot.bbox.left / devicePixelRatio, wide = box.offsetWidth;
      const beside = left + 14 + wide > place.clientWidth ? left - wide - 14 : left + 14;
      box.style.left = `${Math.max(0, Math.min(beside, place.clientWidth - wide))}px`;
      box.style.top = "8px";
    };
    return { show, read: (index) => [label(chart, chart.x[index]), ...rows(chart, hidden, index).map(({ each, text }) => `${name(each)} ${text}`)].join(", ") };
  };

  const start = (chart) => {
    const place = document.getElementById(chart.name);
    const figure = place.closest("figure");
    const hidden = new Set(), scale = figure.querySelector(".scale"), said = figure.querySelector(".said");
    let logarithmic = chart.logarithmic, plot = null, hint = null;

    const options = (width, height, made, bands) => ({
      width, height, bands,
      legend: { show: false },
      padding: [chart.marks.length ? 18 : 10, 14, 0, 0],
      cursor: {
        sync: chart.axis === "time" ? { key: "time" } : undefined,
        y: false,
        drag: { x: true, y: false },
        points: { width: 0, size: (_one, index) => (made[index - 1].width ? 7 : 0), fill: (one, index) => one.series[index].stroke(one, index) },
      },
      scales: {
        x: { time: false, distr: chart.axis === "percentile" ? 3 : 1, range: range(chart) },
        y: logarithmic ? { distr: 3, log: 10, range: logRange } : { range: (_plot, low, high) => [chart.axis === "rate" || low > 0 || !low ? 0 : low, high > 0 ? high * 1.06 : 1] },
      },
      series: [{}, ...made],
      axes: axes(chart, width, logarithmic),
      hooks: { drawClear: [shades(chart)], draw: [marks(chart)], setCursor: [(one) => hint && hint.show(one)] },
    });

    const draw = () => {
      if (plot) plot.destroy();
      place.querySelectorAll(".tip").forEach((each) => each.remove());
      const { data, made, bands } = lines(chart, hidden);
      plot = new uPlot(options(place.clientWidth, place.clientHeight, made, bands), data, place);
      hint = tip(chart, hidden, place);
    };
    const move = (step) => {
      const last = chart.x.length - 1, now = plot.cursor.idx;
      const next = step === "first" ? 0 : step === "last" ? last : Math.max(0, Math.min(last, (now === null || now === undefined ? (step > 0 ? -1 : last + 1) : now) + step));
      plot.setCursor({ left: plot.valToPos(chart.x[next], "x"), top: 10 });
      said.textContent = hint.read(next);
    };
    place.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: "first", End: "last" }[event.key];
      if (step !== undefined) {
        event.preventDefault();
        move(step);
      } else if (event.key === "Escape") {
        draw();
      }
    });
    place.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
    place.addEventListener("mouseleave", () => place.querySelectorAll(".tip").forEach((each) => { each.hidden = true; }));
    scale.hidden = !chart.scalable;
    scale.setAttribute("aria-pressed", String(logarithmic));
    scale.addEventListener("click", () => {
      logarithmic = !logarithmic;
      scale.setAttribute("aria-pressed", String(logarithmic));
      draw();
    });
    legend(chart, hidden, figure.querySelector(".legend"), draw);
    draw();
    return { draw, resize: () => { if (place.clientWidth && place.clientWidth !== plot.width) draw(); } };
  };
  const logRange = (_plot, low, high) => {
    const from = low > 0 ? low : 0.001, to = high > from ? high : from * 10;
    const power = 10 ** Math.floor(Math.log10(from)), bottom = [5, 2, 1].map((step) => step * power).find((each) => each <= from) || power;
    return [bottom, to * 1.25];
  };
  // All there is, unless the reader looks closer.
  const range = (chart) => (_plot, low, high) => {
    if (low === null || low === undefined) return [0, 1];
    const whole = low <= chart.x[0] && high >= chart.x[chart.x.length - 1];
    if (low === high) return chart.axis === "percentile" ? [1, high * 10] : [low - 1, high + 1];
    if (!whole || chart.axis === "percentile") return [low, high];
    if (chart.axis === "rate") return [0, high * 1.04];
    const half = chart.series.some((each) => each.style === "bars") ? (chart.x[1] - chart.x[0]) / 2 : 0;
    return [low - half, Math.max(high + half, ...chart.shaded.map(([, to]) => to))];
  };

  const legend = (chart, hidden, place, draw) => {
    for (const one of new Set(chart.series.map(group))) {
      const first = chart.series.find((each) => group(each) === one);
      const button = document.createElement("button"), sign = document.createElement("i"), text = document.createElement("span");
      const dashed = chart.series.filter((each) => group(each) === one).every((each) => each.dashed);
      const mixed = new Set(chart.series.filter((each) => group(each) === one).map((each) => each.colour)).size > 1;
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      sign.className = first.style === "points" ? "dot" : dashed ? "dashed" : "";
      sign.style.borderColor = `var(${mixed ? "--soft" : first.colour})`;
      text.textContent = one;
      button.append(sign, text);
      button.addEventListener("click", () => {
        if (!hidden.delete(one)) hidden.add(one);
        button.setAttribute("aria-pressed", String(!hidden.has(one)));
        draw();
      });
      place.append(button);
    }
  };

  const started = charts.map(start);
  const redraw = () => started.forEach((each) => each.draw());
  let waiting = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => started.forEach((each) => each.resize()));
  }).observe(document.body);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  window.addEventListener("afterprint", redraw);
})();

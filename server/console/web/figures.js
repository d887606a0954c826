// What follows from readings: what was between two of them, percentiles of histograms, and how to write numbers.

const FIRST = 1e-6;
const PER_DOUBLING = 8;

/** Seconds that stand for a bucket of a histogram; see bridge/histogram.py. */
function middle(number) {
  return FIRST * 2 ** ((number - 0.5) / PER_DOUBLING);
}

/** What a table of counts has more than before; nothing less, where a process has gone. */
export function more(now, before) {
  const found = {};
  for (const [key, count] of Object.entries(now)) {
    const added = count - (before?.[key] ?? 0);
    if (added > 0) found[key] = added;
  }
  return found;
}

/** Tables of counts together. */
export function together(tables) {
  const sum = {};
  for (const table of tables) {
    for (const [key, count] of Object.entries(table)) sum[key] = (sum[key] ?? 0) + count;
  }
  return sum;
}

/** The sum of a table's counts, of those alone whose keys are as wanted. */
export function total(table, wanted = () => true) {
  return Object.entries(table).reduce((sum, [key, count]) => sum + (wanted(key) ? count : 0), 0);
}

/** Seconds that so many of a hundred took at most; null where there were none. */
export function percentile(buckets, percent) {
  let left = Math.ceil((total(buckets) * percent) / 100);
  if (!left) return null;
  for (const number of Object.keys(buckets).map(Number).sort((one, other) => one - other)) {
    left -= buckets[number];
    if (left <= 0) return middle(number);
  }
  return null;
}

const isServerError = (status) => status.startsWith("5");
const isClientError = (status) => status.startsWith("4") && status !== "499";

/** What a route did between two readings, `seconds` apart. */
export function routeBetween(now, before, seconds) {
  const statuses = more(now.statuses, before?.statuses);
  const count = total(statuses);
  const buckets = more(now.seconds.buckets, before?.seconds.buckets);
  const queue = Math.max(0, now.queue_seconds - (before?.queue_seconds ?? 0));
  const run = Math.max(0, now.run_seconds - (before?.run_seconds ?? 0));
  return {
    application: now.application, route: now.route, runsOn: now.runs_on, inFlight: now.in_flight,
    count, rate: count / seconds, buckets,
    failed: total(statuses, isServerError), refused: total(statuses, isClientError),
    p50: percentile(buckets, 50), p95: percentile(buckets, 95), p99: percentile(buckets, 99),
    waiting: now.runs_on === "loop" || !(queue + run) ? null : queue / (queue + run),
  };
}

/** What WebSockets did between two readings. */
export function socketsBetween(now, before, seconds) {
  const rate = (field) => Math.max(0, now[field] - (before?.[field] ?? 0)) / seconds;
  return {
    application: now.application, route: now.route, runsOn: now.runs_on, open: now.open,
    opened: rate("opened"), received: rate("messages_in"), sent: rate("messages_out"),
    slow: Math.max(0, now.slow - (before?.slow ?? 0)), closes: now.closes,
    trip: percentile(now.round_trip.buckets, 50),
  };
}

/** Everything between two readings, for what is drawn. */
export function between(now, before) {
  const seconds = Math.max(0.2, now.taken - before.taken);
  const routes = Object.entries(now.routes).map(([key, each]) => routeBetween(each, before.routes[key], seconds));
  const sockets = Object.entries(now.websockets).map(([key, each]) => socketsBetween(each, before.websockets[key], seconds));
  const buckets = together(routes.map((each) => each.buckets));
  const waits = together(Object.entries(now.pools).map(([key, each]) => more(each.wait.buckets, before.pools[key]?.wait.buckets)));
  const lags = more(now.loop.lag.buckets, before.loop.lag.buckets);
  const sum = (field) => routes.reduce((all, each) => all + each[field], 0);
  return {
    seconds, routes, sockets,
    rate: sum("rate"), failed: sum("failed") / seconds, refused: sum("refused") / seconds, inFlight: sum("inFlight"),
    p50: percentile(buckets, 50), p95: percentile(buckets, 95), p99: percentile(buckets, 99),
    wait50: percentile(waits, 50), wait95: percentile(waits, 95),
    count: sum("count"), lag50: percentile(lags, 50), lag: percentile(lags, 100),
    accepted: Math.max(0, now.connections.accepted - before.connections.accepted) / seconds,
    open: sockets.reduce((all, each) => all + each.open, 0),
  };
}

/** Write a count or a rate: 0.4, 37, 1,204, 25.3k. */
export function number(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 100000) return `${(value / 1000).toFixed(0)}k`;
  if (value >= 10 || value === Math.round(value)) return Math.round(value).toLocaleString("en");
  return value < 0.05 ? "0" : value.toFixed(1);
}

/** Write a time as value and unit: ["1.2", "ms"]. */
export function time(seconds) {
  if (seconds === null || seconds === undefined) return ["–", ""];
  if (seconds > 0 && seconds < FIRST) return ["< 1", "ms"]; // waits that nobody has looked at more closely
  const [value, unit] = seconds >= 1 ? [seconds, "s"] : seconds >= 1e-3 ? [seconds * 1e3, "ms"] : [seconds * 1e6, "µs"];
  return [value >= 100 ? value.toFixed(0) : value.toPrecision(2).replace(/e\+\d+$/, ""), unit];
}

/** The same as one text. */
export function timeText(seconds) {
  return time(seconds).join(" ").trim();
}

const LEAST_LAG = 0.0015; // what is less late counts as this, see LoopLag

/** Write how late the loop was, as value and unit. */
export function lag(seconds) {
  return seconds !== null && seconds !== undefined && seconds < LEAST_LAG ? ["< 1.5", "ms"] : time(seconds);
}

/** The same as one text. */
export function lagText(seconds) {
  return lag(seconds).join(" ").trim();
}

const FAILING = 0.05;

/** Whether so many of a route's requests fail that somebody should look. */
export function isFailing({ count, failed }) {
  return failed > 0 && failed / count >= FAILING;
}

/** Write how long something has been: 45 s, 12 min, 3 h 5 min, 9 days. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** Write a share of one as a percentage. */
export function share(value) {
  if (value === null) return "–";
  const percent = 100 * value;
  return `${percent && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

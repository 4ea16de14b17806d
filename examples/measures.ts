import { metrics as api, trace } from "@opentelemetry/api";
import { connect } from "holdfast";
import { openTelemetry } from "holdfast/otel";
import { prometheus } from "holdfast/prometheus";

// #region measures
const hf = await connect("memory:", { measures: {} });
await hf.mutex("order:42").withLock(() => "bill it");

const [orders] = hf.measures().locks;
console.log(orders?.template, orders?.wait.count); // order:* 1
console.log(orders!.hold.p99 <= orders!.hold.max); // ms; mean, p50, p95, p99, max
// #endregion

// #region prometheus
const metrics = prometheus({ template: (name) => name.replace(/:.*/, ":*") });
await hf.mutex("order:43").withLock(() => "bill it");
// In the handler of GET /metrics: the content type, then the text.
const answer = { type: metrics.contentType, body: metrics.text() };
// #endregion

// #region otel
const stop = openTelemetry({ meter: api.getMeter("holdfast"), tracer: trace.getTracer("holdfast") });
// #endregion

if (!answer.body.includes('name_template="order:*"')) throw new Error("nothing was counted");
stop();
metrics.stop();
await hf.close();

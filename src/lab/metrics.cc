#include "lab/metrics.h"

namespace lab {

json::Value metrics_line(const StepReport& report, double peak_share) {
  json::Object line{{"step", report.step},     {"loss", report.loss},
                    {"lr", report.lr},         {"gradient_norm", report.gradient_norm},
                    {"tokens", report.tokens}, {"tokens_per_second", report.tokens_per_second},
                    {"peak_share", peak_share}};
  if (report.validation_loss) line.emplace_back("validation_loss", *report.validation_loss);
  if (report.validation_bits_per_byte)
    line.emplace_back("bits_per_byte", *report.validation_bits_per_byte);
  return line;
}

MetricsFile read_metrics(std::string_view text, int64_t step) {
  MetricsFile out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // a line cut in half
    const std::string_view line = text.substr(0, end + 1);
    text.remove_prefix(line.size());
    const auto value = json::parse(line);
    if (!value || !(*value)["step"].is_int() || !(*value)["loss"].is_number()) break;
    MetricPoint point{(*value)["step"].as_int(), (*value)["loss"].as_double(), {}};
    if (point.step > step) break;
    if (const json::Value& loss = (*value)["validation_loss"]; loss.is_number())
      point.validation_loss = loss.as_double();
    out.points.push_back(point);
    out.lines += line;
  }
  return out;
}

}  // namespace lab

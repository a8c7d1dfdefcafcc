#include "lab/loss_svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/xml.h"

namespace lab {
namespace {

constexpr double kWidth = 860, kHeight = 440;
constexpr double kLeft = 64, kRight = 132, kTop = 52, kBottom = 52;
constexpr size_t kTrainPointsMax = 600;

// Colours by role, once for each kind of paper.
constexpr std::string_view kStyle =
    "<style>"
    "svg{--paper:#ffffff;--ink:#1f2328;--soft:#656d76;--grid:#d8dee4;--train:#7aa7e0;--validation:#"
    "c2410c}"
    "@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--grid:#"
    "2b313a;"
    "--train:#4f81c7;--validation:#fb923c}}"
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:var(--soft)}"
    ".title{font-size:16px;font-weight:600;fill:var(--ink)}"
    ".grid{stroke:var(--grid);stroke-width:1}"
    ".train{fill:none;stroke:var(--train);stroke-width:1.5;stroke-linejoin:round}"
    ".validation{fill:none;stroke:var(--validation);stroke-width:2.5;stroke-linejoin:round}"
    ".dot{fill:var(--validation)}.tl{fill:var(--train)}.vl{fill:var(--validation);font-weight:600}"
    "</style>";

std::string number(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string coordinate(double value) { return number("%.1f", value); }

std::string tick_label(double value) {
  if (std::abs(value) >= 1000) return number("%g", value / 1000) + "k";
  return number("%g", std::abs(value) < 1e-9 ? 0 : value);
}

struct Point {
  double x, y;
};

// Means of equal runs of steps, so that a long run does not become a thick band.
std::vector<Point> smoothed(std::span<const MetricPoint> points) {
  const size_t group = std::max<size_t>(1, points.size() / kTrainPointsMax);
  std::vector<Point> out;
  for (size_t i = 0; i < points.size(); i += group) {
    const size_t end = std::min(points.size(), i + group);
    Point sum{0, 0};
    for (size_t j = i; j < end; ++j)
      sum.x += static_cast<double>(points[j].step), sum.y += points[j].loss;
    const double share = 1 / static_cast<double>(end - i);
    out.push_back({sum.x * share, sum.y * share});
  }
  return out;
}

class Canvas {
 public:
  Canvas(double x_max, double y_min, double y_max, bool logarithmic)
      : x_max_(x_max), y_min_(y_min), y_max_(y_max), logarithmic_(logarithmic) {}

  double x(double step) const { return kLeft + step / x_max_ * (kWidth - kLeft - kRight); }
  double y(double loss) const {
    const double share = logarithmic_ ? std::log(loss / y_min_) / std::log(y_max_ / y_min_)
                                      : (loss - y_min_) / (y_max_ - y_min_);
    return kHeight - kBottom - share * (kHeight - kTop - kBottom);
  }

  void line(double x1, double y1, double x2, double y2) {
    out_ += "<line class=\"grid\" x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) +
            "\" x2=\"" + coordinate(x2) + "\" y2=\"" + coordinate(y2) + "\"/>";
  }
  void text(double at_x, double at_y, std::string_view anchor, std::string_view style,
            std::string_view words) {
    out_ += "<text x=\"" + coordinate(at_x) + "\" y=\"" + coordinate(at_y) + "\" text-anchor=\"" +
            std::string(anchor) + "\" class=\"" + std::string(style) + "\">" +
            base::escape_xml(words) + "</text>";
  }
  void curve(std::string_view style, const std::vector<Point>& points) {
    out_ += "<polyline class=\"" + std::string(style) + "\" points=\"";
    for (const Point& p : points)
      out_ += coordinate(x(p.x)) + "," + coordinate(y(std::min(p.y, y_max_))) + " ";
    out_ += "\"/>";
  }
  void dot(const Point& p) {
    out_ += "<circle class=\"dot\" cx=\"" + coordinate(x(p.x)) + "\" cy=\"" +
            coordinate(y(std::min(p.y, y_max_))) + "\" r=\"3\"/>";
  }
  const std::string& marks() const { return out_; }

 private:
  double x_max_, y_min_, y_max_;
  bool logarithmic_;
  std::string out_;
};

void draw_axes(Canvas& canvas, const std::vector<double>& x_ticks,
               const std::vector<double>& y_ticks) {
  for (const double value : y_ticks) {
    canvas.line(kLeft, canvas.y(value), kWidth - kRight, canvas.y(value));
    canvas.text(kLeft - 10, canvas.y(value) + 4, "end", "", tick_label(value));
  }
  for (const double value : x_ticks) {
    canvas.line(canvas.x(value), kHeight - kBottom, canvas.x(value), kHeight - kBottom + 5);
    canvas.text(canvas.x(value), kHeight - kBottom + 21, "middle", "", tick_label(value));
  }
  canvas.text(kLeft + (kWidth - kLeft - kRight) / 2, kHeight - 10, "middle", "", "steps");
  canvas.text(kLeft, kTop - 10, "start", "", "loss (nats per token)");
}

// Names at the ends of their curves, moved apart when they would touch.
void draw_names(Canvas& canvas, const std::vector<Point>& train,
                const std::vector<Point>& validation) {
  const double x = kWidth - kRight + 8;
  double train_y = canvas.y(train.back().y) + 4;
  if (!validation.empty()) {
    const double validation_y = canvas.y(validation.back().y) + 4;
    constexpr double kApart = 17;
    if (std::abs(train_y - validation_y) < kApart) {
      const bool below = train_y >= validation_y && validation_y + kApart < kHeight - kBottom;
      train_y = below ? validation_y + kApart : validation_y - kApart;
    }
    canvas.text(x, validation_y, "start", "vl",
                "validation " + number("%.3f", validation.back().y));
  }
  canvas.text(x, train_y, "start", "tl", "train " + number("%.3f", train.back().y));
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  const double rough = std::max(high - low, 1e-9) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> out;
  const double first = std::floor(low / step), last = std::ceil(high / step - 1e-9);
  for (double i = first; i <= last; ++i) out.push_back(i * step);
  return out;
}

std::vector<double> logarithmic_ticks(double low, double high) {
  std::vector<double> out;
  for (double power = std::pow(10, std::floor(std::log10(low))); power <= high; power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
      const double value = factor * power;
      if (!out.empty() && out.back() >= high) return out;
      if (value <= low) out.clear();
      if (out.empty() || value > out.back() * 1.5) out.push_back(value);
    }
  }
  return out;
}

std::string loss_svg(std::span<const MetricPoint> points, std::string_view title) {
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 440\" role=\"img\" "
      "aria-label=\"" +
      base::escape_xml(title) + "\">" + std::string(kStyle) +
      "<rect width=\"860\" height=\"440\" fill=\"var(--paper)\"/>";
  if (points.empty()) return svg + "<text x=\"64\" y=\"52\">no steps yet</text></svg>\n";
  const std::vector<Point> train = smoothed(points);
  std::vector<Point> validation;
  for (const MetricPoint& p : points) {
    if (p.validation_loss) validation.push_back({static_cast<double>(p.step), *p.validation_loss});
  }
  double low = train.front().y, high = train.front().y;
  for (const auto* curve : {&train, &std::as_const(validation)}) {
    for (const Point& p : *curve) low = std::min(low, p.y), high = std::max(high, p.y);
  }
  constexpr double kLogarithmicFrom = 8;  // a loss that falls further is flat on a linear axis
  const bool logarithmic = low > 0 && high > kLogarithmicFrom * low;
  const std::vector<double> y_ticks =
      logarithmic ? logarithmic_ticks(low, high) : ticks(low, high, 6);
  const double x_max = static_cast<double>(points.back().step);
  std::vector<double> x_ticks = ticks(0, x_max, 6);
  std::erase_if(x_ticks, [&](double value) { return value > x_max; });
  Canvas canvas(x_max, y_ticks.front(), y_ticks.back(), logarithmic);
  draw_axes(canvas, x_ticks, y_ticks);
  canvas.text(kLeft, 24, "start", "title", title);
  canvas.curve("train", train);
  canvas.curve("validation", validation);
  for (const Point& p : validation) canvas.dot(p);
  draw_names(canvas, train, validation);
  return svg + canvas.marks() + "</svg>\n";
}

}  // namespace lab

// What a replay found, for people: a picture, a table, JSON.
#include <algorithm>
#include <array>

#include "base/xml.h"
#include "govern/scenario.h"

namespace govern {
namespace {

using Answer = ReplayedEvent::Answer;

constexpr int64_t kWidth = 1180, kLeft = 150, kRight = 1140;
constexpr int64_t kMarkerStep = 21, kRowLines = 15;
constexpr size_t kLineBytes = 112;

std::string_view class_of(Answer answer) {
  switch (answer) {
    case Answer::Accepted:
      return "yes";
    case Answer::Refused:
      return "no";
    case Answer::Nothing:
      return "note";
  }
  return "";
}

std::string answer_text(const ReplayedEvent& event) {
  if (event.answer == Answer::Nothing) return "–";
  return event.answer == Answer::Accepted ? "accepted" : event.reason;
}

// Words of a sentence in lines of at most kLineBytes.
std::vector<std::string> wrapped(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (text.size() - at > kLineBytes) {
    size_t end = text.rfind(' ', at + kLineBytes);
    if (end == text.npos || end <= at) end = at + kLineBytes;
    lines.push_back(text.substr(at, end - at));
    at = end + (text[end] == ' ' ? 1 : 0);
  }
  lines.push_back(text.substr(at));
  return lines;
}

std::string role_name(const Scenario& scenario, const std::string& id) {
  const auto role = std::ranges::find(scenario.roles, id, &ScenarioRole::id);
  return role == scenario.roles.end() ? id : role->name;
}

// "52 h" or "52 h 40"
std::string hour_text(base::Duration at) {
  const int64_t minutes = at.ns / 60'000'000'000;
  std::string out = std::to_string(minutes / 60) + " h";
  if (minutes % 60 != 0) {
    const std::string rest = std::to_string(minutes % 60);
    out += (rest.size() < 2 ? " 0" : " ") + rest;
  }
  return out;
}

class Drawing {
 public:
  Drawing(const Scenario& scenario, const std::vector<Replay>& replays)
      : scenario_(scenario), replays_(replays) {
    // The axis ends at a whole step behind the last event.
    const int64_t hours = scenario.events.back().at.ns / 3'600'000'000'000 + 1;
    for (const int64_t step : {1, 2, 6, 12, 24, 48, 96, 240, 720}) {
      step_ = step;
      if (hours / step <= 12) break;
    }
    hours_ = (hours + step_ - 1) / step_ * step_;
  }

  std::string draw() {
    int64_t y = 64;
    text(28, 38, "title", scenario_.title);
    for (size_t lane = 0; lane < replays_.size(); ++lane) y = draw_lane(y, lane);
    draw_axis(y);
    y = draw_rows(y + 64);
    return head(y + 20) + body_ + "</svg>\n";
  }

 private:
  static std::string head(int64_t height) {
    const std::string size = std::to_string(kWidth) + " " + std::to_string(height);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\" width=\"" +
           std::to_string(kWidth) + "\" height=\"" + std::to_string(height) +
           "\" role=\"img\">\n<style>\n"
           "svg{--paper:#fff;--ink:#1c1e21;--soft:#5f6670;--line:#d5d9de;--lane:#f3f5f7;"
           "--yes:#1f7a3d;--no:#b3261e;--note:#7a828c}\n"
           "@media (prefers-color-scheme:dark){svg{--paper:#16181b;--ink:#e8eaed;--soft:#a2a9b2;"
           "--line:#3a3f46;--lane:#1f2226;--yes:#63c783;--no:#ff8a80;--note:#8b939d}}\n"
           "text{font:13px system-ui,'Noto Sans',sans-serif;fill:var(--ink)}\n"
           ".title{font-size:21px;font-weight:600}.lane{font-weight:600}\n"
           ".soft{fill:var(--soft);font-size:12px}.head{fill:var(--soft);font-weight:600}\n"
           ".mark{fill:var(--paper);font-size:10.5px;font-weight:700;text-anchor:middle}\n"
           ".tick{text-anchor:middle;fill:var(--soft);font-size:12px}\n"
           ".yes{fill:var(--yes)}.no{fill:var(--no)}.note{fill:var(--note)}\n"
           "text.yes,text.no{font-weight:600}\n</style>\n"
           "<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>\n";
  }

  void text(int64_t x, int64_t y, std::string_view kind, std::string_view words) {
    body_ += "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" class=\"" +
             std::string(kind) + "\">" + base::escape_xml(words) + "</text>\n";
  }

  int64_t x_of(base::Duration at) const {
    const int64_t minutes = at.ns / 60'000'000'000;
    return kLeft + (kRight - kLeft) * minutes / (hours_ * 60);
  }

  // Markers that would cover each other stand in columns.
  int64_t draw_lane(int64_t y, size_t lane) {
    std::vector<std::pair<int64_t, int64_t>> places;  // x and how high
    int64_t last_x = -1000, high = 0, tallest = 0;
    for (const ScenarioEvent& event : scenario_.events) {
      const int64_t x = x_of(event.at);
      high = x - last_x < kMarkerStep ? high + 1 : 0;
      if (high == 0) last_x = x;
      tallest = std::max(tallest, high);
      places.emplace_back(last_x, high);
    }
    const int64_t height = (tallest + 1) * kMarkerStep + 14;
    body_ += "<rect x=\"28\" y=\"" + std::to_string(y) + "\" width=\"" +
             std::to_string(kRight - 8) + "\" height=\"" + std::to_string(height) +
             "\" rx=\"6\" fill=\"var(--lane)\"/>\n";
    int64_t line = y + 24;
    for (const std::string& part : split_name(replays_[lane].charter_name)) {
      text(40, line, "lane", part);
      line += 17;
    }
    for (size_t i = 0; i < places.size(); ++i) {
      const int64_t cy = y + height - 16 - places[i].second * kMarkerStep;
      draw_marker(places[i].first, cy, replays_[lane].events[i].answer, i + 1);
    }
    return y + height + 10;
  }

  // A lane's name in lines that fit in front of the axis.
  static std::vector<std::string> split_name(const std::string& name) {
    std::vector<std::string> lines;
    std::string line;
    for (size_t at = 0; at < name.size();) {
      size_t end = name.find(' ', at);
      if (end == name.npos) end = name.size();
      const std::string word = name.substr(at, end - at);
      if (!line.empty() && line.size() + word.size() > 14) {
        lines.push_back(line);
        line.clear();
      }
      line += (line.empty() ? "" : " ") + word;
      at = end + 1;
    }
    lines.push_back(line);
    return lines;
  }

  void draw_marker(int64_t x, int64_t y, Answer answer, size_t number) {
    const std::string kind(class_of(answer));
    if (answer == Answer::Refused)  // a shape of its own, for whoever sees no red
      body_ += "<rect x=\"" + std::to_string(x - 9) + "\" y=\"" + std::to_string(y - 9) +
               "\" width=\"18\" height=\"18\" rx=\"3\" class=\"no\"/>\n";
    else
      body_ += "<circle cx=\"" + std::to_string(x) + "\" cy=\"" + std::to_string(y) +
               "\" r=\"9\" class=\"" + kind + "\"/>\n";
    text(x, y + 4, "mark", std::to_string(number));
  }

  void draw_axis(int64_t y) {
    for (int64_t hour = 0; hour <= hours_; hour += step_) {
      const int64_t x = kLeft + (kRight - kLeft) * hour / hours_;
      body_ += "<line x1=\"" + std::to_string(x) + "\" x2=\"" + std::to_string(x) + "\" y1=\"" +
               std::to_string(y - 6) + "\" y2=\"" + std::to_string(y) +
               "\" stroke=\"var(--soft)\"/>\n";
      text(x, y + 16, "tick", std::to_string(hour) + " h");
    }
  }

  int64_t draw_rows(int64_t y) {
    const int64_t lane_width = 190;
    const int64_t lanes_at = kWidth - lane_width * static_cast<int64_t>(replays_.size());
    text(64, y, "head", "when");
    text(138, y, "head", "what happened");
    for (size_t lane = 0; lane < replays_.size(); ++lane)
      text(lanes_at + lane_width * static_cast<int64_t>(lane), y, "head",
           replays_[lane].charter_name);
    for (size_t i = 0; i < scenario_.events.size(); ++i) {
      y += 12;
      body_ += "<line x1=\"28\" x2=\"" + std::to_string(kWidth - 28) + "\" y1=\"" +
               std::to_string(y) + "\" y2=\"" + std::to_string(y) + "\" stroke=\"var(--line)\"/>\n";
      y += 19;
      y = draw_row(y, i, lanes_at, lane_width);
    }
    return y;
  }

  int64_t draw_row(int64_t y, size_t i, int64_t lanes_at, int64_t lane_width) {
    const ScenarioEvent& event = scenario_.events[i];
    text(34, y, "soft", std::to_string(i + 1));
    text(64, y, "soft", hour_text(event.at));
    for (size_t lane = 0; lane < replays_.size(); ++lane) {
      const ReplayedEvent& answer = replays_[lane].events[i];
      text(lanes_at + lane_width * static_cast<int64_t>(lane), y, class_of(answer.answer),
           answer_text(answer));
    }
    for (const std::string& line : wrapped(event.words)) {
      text(138, y, "", line);
      y += kRowLines + 2;
    }
    for (const Replay& replay : replays_) {
      const ReplayedEvent& answer = replay.events[i];
      if (answer.answer != Answer::Refused) continue;
      for (const std::string& line : wrapped(replay.charter_name + ": " + answer.message)) {
        text(138, y, "soft", line);
        y += kRowLines;
      }
    }
    return y - kRowLines;
  }

  const Scenario& scenario_;
  const std::vector<Replay>& replays_;
  int64_t step_ = 24, hours_ = 24;
  std::string body_;
};

}  // namespace

std::string replays_to_svg(const Scenario& scenario, const std::vector<Replay>& replays) {
  return Drawing(scenario, replays).draw();
}

std::string replays_to_table(const Scenario& scenario, const std::vector<Replay>& replays) {
  std::string out = "| # | hour | who | what happened |";
  std::string rule = "| --- | --- | --- | --- |";
  for (const Replay& replay : replays) {
    out += ' ' + replay.charter_name + " |";
    rule += " --- |";
  }
  out += '\n' + rule + '\n';
  for (size_t i = 0; i < scenario.events.size(); ++i) {
    const ScenarioEvent& event = scenario.events[i];
    out += "| " + std::to_string(i + 1) + " | " + hour_text(event.at) + " | " +
           role_name(scenario, event.who) + " | " + event.words + " |";
    for (const Replay& replay : replays) {
      const ReplayedEvent& answer = replay.events[i];
      if (answer.answer == Answer::Refused)
        out += " **refused** `" + answer.reason + "`: " + answer.message + " |";
      else
        out += ' ' + answer_text(answer) + " |";
    }
    out += '\n';
  }
  return out;
}

json::Value replays_to_json(const Scenario& scenario, const std::vector<Replay>& replays) {
  json::Array events;
  for (size_t i = 0; i < scenario.events.size(); ++i) {
    const ScenarioEvent& event = scenario.events[i];
    json::Array answers;
    for (const Replay& replay : replays) {
      const ReplayedEvent& answer = replay.events[i];
      json::Object item{{"charter", replay.charter_name}};
      item.emplace_back("answer", answer.answer == Answer::Nothing    ? "nothing"
                                  : answer.answer == Answer::Accepted ? "accepted"
                                                                      : "refused");
      if (answer.answer == Answer::Refused) {
        item.emplace_back("reason", answer.reason);
        item.emplace_back("message", answer.message);
      }
      answers.emplace_back(std::move(item));
    }
    events.emplace_back(json::Object{{"at", base::rfc3339(scenario.start + event.at)},
                                     {"minutes", event.at.ns / 60'000'000'000},
                                     {"who", event.who},
                                     {"role", role_name(scenario, event.who)},
                                     {"act", scenario_act_name(event.act)},
                                     {"words", event.words},
                                     {"answers", std::move(answers)}});
  }
  json::Array charters;
  for (const Replay& replay : replays)
    charters.emplace_back(json::Object{{"name", replay.charter_name}, {"id", replay.charter_id}});
  return json::Object{{"scenario", scenario.id},
                      {"title", scenario.title},
                      {"start", base::rfc3339(scenario.start)},
                      {"charters", std::move(charters)},
                      {"events", std::move(events)}};
}

}  // namespace govern

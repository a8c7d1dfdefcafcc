#include "recall/chunks.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "recall/terms.h"

namespace recall {
namespace {

using base::Code;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool ends_with(std::string_view name, std::string_view suffix) {
  if (name.size() < suffix.size()) return false;
  name.remove_prefix(name.size() - suffix.size());
  return std::ranges::equal(name, suffix, {}, lower);
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower);
}

constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
    {"&amp;", "&"},   {"&lt;", "<"},     {"&gt;", ">"},   {"&quot;", "\""},
    {"&#39;", "'"},   {"&apos;", "'"},   {"&nbsp;", " "}, {"&mdash;", "—"},
    {"&ndash;", "–"}, {"&hellip;", "…"}, {"&copy;", "©"}};
// After these a new line begins.
constexpr std::string_view kBlocks[] = {"p",  "div", "br", "li", "tr",    "h1",      "h2",
                                        "h3", "h4",  "h5", "h6", "title", "section", "article"};

std::string_view tag_name(std::string_view tag) {
  if (tag.starts_with('/')) tag.remove_prefix(1);
  size_t end = 0;
  while (end < tag.size() && ((lower(tag[end]) >= 'a' && lower(tag[end]) <= 'z') ||
                              (tag[end] >= '0' && tag[end] <= '9')))
    ++end;
  return tag.substr(0, end);
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && begins_with(a, b);
}

// Behind the end tag of a script or a style: what stands inside is no text.
size_t skip_element(std::string_view html, size_t at, std::string_view name) {
  for (; at < html.size(); ++at) {
    if (html[at] == '<' && html.substr(at).starts_with("</") &&
        begins_with(html.substr(at + 2), name)) {
      const size_t end = html.find('>', at);
      return end == std::string_view::npos ? html.size() : end + 1;
    }
  }
  return html.size();
}

std::string html_text(std::string_view html) {
  std::string out;
  for (size_t at = 0; at < html.size();) {
    if (html.substr(at).starts_with("<!--")) {
      const size_t end = html.find("-->", at);
      at = end == std::string_view::npos ? html.size() : end + 3;
    } else if (html[at] == '<') {
      const size_t end = html.find('>', at);
      if (end == std::string_view::npos) break;
      const std::string_view name = tag_name(html.substr(at + 1, end - at - 1));
      const bool opens = html[at + 1] != '/';
      at = end + 1;
      if (opens && (same_name(name, "script") || same_name(name, "style")))
        at = skip_element(html, at, name);
      bool block = false;
      for (const std::string_view one : kBlocks) block |= same_name(name, one);
      out += block ? '\n' : ' ';
    } else if (html[at] == '&') {
      const auto entity = std::ranges::find_if(
          kEntities, [&](const auto& one) { return html.substr(at).starts_with(one.first); });
      out += entity != std::end(kEntities) ? entity->second : std::string_view("&");
      at += entity != std::end(kEntities) ? entity->first.size() : 1;
    } else {
      out += html[at++];
    }
  }
  return out;
}

bool is_end_of_sentence(char32_t c) {
  return c == '\n' || c == '.' || c == '!' || c == '?' || c == U'。' || c == U'！' || c == U'？' ||
         c == U'；';
}

// Where pieces may be cut: after each word or character, with what it counts.
struct Piece {
  size_t end = 0;     // offset behind it and the blanks that follow
  int64_t units = 0;  // of the text up to there
  bool sentence = false;
};

std::vector<Piece> find_pieces(std::string_view text) {
  constexpr size_t kPieceBytesMax = 96;  // also of what knows no blanks
  std::vector<Piece> pieces;
  int64_t units = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = base::next_code_point(text, &at);
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == 0x3000;
    const bool cut = blank || is_cjk(c) || is_end_of_sentence(c) || at - begin >= kPieceBytesMax;
    if (!cut && at < text.size()) continue;
    units += count_units(text.substr(begin, at - begin));
    pieces.push_back({at, units, is_end_of_sentence(c)});
    begin = at;
  }
  return pieces;
}

}  // namespace

base::Result<std::string> extract_text(std::string_view filename, std::string_view bytes) {
  constexpr std::string_view kOffice[] = {".pdf", ".docx", ".doc", ".pptx", ".xlsx", ".odt"};
  const bool zip = bytes.starts_with("PK\x03\x04");
  for (const std::string_view ending : kOffice) {
    if (!ends_with(filename, ending) && !bytes.starts_with("%PDF-") && !zip) continue;
    return base::fail(Code::Unimplemented,
                      "Files of this kind (PDF, office documents) are not read; add the file as "
                      "text, Markdown, HTML, JSON or CSV.",
                      std::string(filename), "unsupported_file");
  }
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (!base::is_utf8(bytes) || bytes.find('\0') != std::string_view::npos)
    return base::fail(Code::Malformed, "The file is not UTF-8 text.", std::string(filename),
                      "invalid_file");
  const bool html = ends_with(filename, ".html") || ends_with(filename, ".htm") ||
                    begins_with(bytes, "<!doctype html") || begins_with(bytes, "<html");
  return html ? html_text(bytes) : std::string(bytes);
}

std::vector<std::string_view> split_chunks(std::string_view text, const ChunkRule& rule) {
  const std::vector<Piece> pieces = find_pieces(text);
  std::vector<std::string_view> chunks;
  for (size_t first = 0; first < pieces.size();) {
    const size_t begin = first == 0 ? 0 : pieces[first - 1].end;
    const int64_t before = first == 0 ? 0 : pieces[first - 1].units;
    size_t last = first;  // the last piece of the chunk
    while (last + 1 < pieces.size() && pieces[last + 1].units - before <= rule.units_max) ++last;
    if (last + 1 < pieces.size()) {
      for (size_t at = last; at > first && 2 * (pieces[at].units - before) >= rule.units_max;
           --at) {
        if (!pieces[at].sentence) continue;
        last = at;
        break;
      }
    }
    const std::string_view chunk = text.substr(begin, pieces[last].end - begin);
    if (count_units(chunk) > 0) chunks.push_back(chunk);
    if (last + 1 == pieces.size()) break;
    // The next one begins so far back that it shares the overlap, and always moves on.
    size_t next = last + 1;
    while (next > first + 1 && pieces[last].units - pieces[next - 2].units <= rule.units_overlap)
      --next;
    first = next;
  }
  return chunks;
}

}  // namespace recall

// The rules of the house, as a test: who may include whom (docs/ARCHITECTURE.md, "The floors"),
// which libraries stay hidden, how long a file may grow, and that the documents name things that
// exist.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = CHARTER_SOURCE_DIR;
using Folders = std::set<std::string>;

Folders operator+(Folders a, const Folders& b) {
  a.insert(b.begin(), b.end());
  return a;
}

// Folder -> the folders it may include, itself apart. The math column and the trust column never
// meet below gateway.
std::map<std::string, Folders> floors() {
  const Folders ground{"base", "json", "crypto", "files", "db", "net", "telemetry"};
  const Folders math1 = ground + Folders{"kernels"};
  const Folders math2 = math1 + Folders{"tensor"};
  const Folders math3 = math2 + Folders{"model", "formats", "text"};
  const Folders math4 = math3 + Folders{"engine"};
  const Folders trust2{"base", "json", "crypto"};
  const Folders trust3 = ground + Folders{"govern", "money"};
  const Folders trust4 = trust3 + Folders{"journal", "identity", "objects", "recall"};
  const Folders both = math4 + trust4 + Folders{"judge", "reason", "lab", "gpts", "chat"};
  const Folders ground_only{"base"};
  std::map<std::string, Folders> table{
      {"base", {}},
      {"json", ground_only},
      {"crypto", ground_only},
      {"files", ground_only},
      {"db", ground_only},
      {"net", ground_only},
      {"telemetry", ground_only + Folders{"json"}},
      {"kernels", ground_only},
      {"tensor", math1},
      {"text", math2},
      {"formats", math2},
      {"model", math2 + Folders{"formats", "text"}},
      {"engine", math3},
      {"reason", math4},
      {"judge", math4 + Folders{"reason"}},
      {"lab", math4 + Folders{"reason"}},
      {"govern", trust2},
      {"money", trust2},
      {"journal", trust3},
      {"identity", trust3},
      {"objects", Folders{"base", "json", "crypto", "db", "files"}},
      {"recall", trust3},
      {"chat", trust4},
      {"gpts", trust4},
      {"gateway", both},
      {"api", both + Folders{"gateway"}},
      {"server", both + Folders{"gateway", "api"}},
      {"cli", both + Folders{"gateway", "api", "server"}},
  };
  return table;
}

std::vector<fs::path> sources() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "src")) {
    const std::string extension = entry.path().extension();
    if (extension == ".h" || extension == ".cc" || extension == ".inc") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> lines(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

bool is_test(const fs::path& path) { return path.filename().string().ends_with("_test.cc"); }

std::string folder_of(const fs::path& path) { return *fs::relative(path, kRoot / "src").begin(); }

TEST(Floors, NobodyIncludesUpward) {
  const auto table = floors();
  const std::regex include("^\\s*#\\s*include\\s+\"([^\"/]+)/[^\"]+\"");
  int checked = 0;
  for (const fs::path& path : sources()) {
    const std::string folder = folder_of(path);
    const auto allowed = table.find(folder);
    ASSERT_NE(allowed, table.end())
        << "src/" << folder << " is on no floor: add it to DESIGN and to this table";
    const auto text = lines(path);
    for (size_t i = 0; i < text.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(text[i], match, include)) continue;
      const std::string target = match[1];
      if (target == folder) continue;
      ++checked;
      // A ground folder's test may read recorded vectors and write into a temporary folder.
      if (is_test(path) && (target == "json" || target == "files")) continue;
      EXPECT_TRUE(allowed->second.contains(target))
          << fs::relative(path, kRoot).string() << ":" << i + 1 << ": src/" << folder
          << " may not include src/" << target;
    }
  }
  EXPECT_GT(checked, 100);
}

TEST(Floors, IncludesAreRootedAtSrc) {
  const std::regex relative("^\\s*#\\s*include\\s+\"(\\.\\.?/|[^\"/]+\")");
  for (const fs::path& path : sources())
    for (const std::string& line : lines(path))
      EXPECT_FALSE(std::regex_search(line, relative))
          << fs::relative(path, kRoot).string() << ": " << line;
}

// A header that shows a hidden library is a detail of its folder: nobody outside may include it.
TEST(Floors, HiddenLibrariesStayInTheirFolder) {
  const std::regex library(
      "#\\s*include\\s+[<\"](boost/|simdjson|sqlite3|sodium|openssl/|curl/|toml\\+\\+|CLI/"
      "|pcre2|utf8proc|fmt/|dnnl)");
  std::set<std::string> showing;
  for (const fs::path& path : sources())
    for (const std::string& line : lines(path))
      if (path.extension() == ".h" && std::regex_search(line, library))
        showing.insert(fs::relative(path, kRoot / "src").string());
  for (const fs::path& path : sources())
    for (const std::string& line : lines(path))
      for (const std::string& header : showing)
        if (line.find("\"" + header + "\"") != std::string::npos)
          EXPECT_EQ(folder_of(path), folder_of(kRoot / "src" / header))
              << fs::relative(path, kRoot).string() << ": " << line;
}

TEST(Sources, StayReadable) {
  for (const fs::path& path : sources()) {
    const auto text = lines(path);
    const std::string name = fs::relative(path, kRoot).string();
    if (path.extension() == ".inc") continue;
    EXPECT_LE(text.size(), 600u) << name << " is too long to read in one sitting: split it";
    if (path.extension() == ".h") {
      const bool once = std::find(text.begin(), text.end(), "#pragma once") != text.end();
      EXPECT_TRUE(once) << name << " lacks #pragma once";
    }
    for (size_t i = 0; i < text.size(); ++i) {
      EXPECT_LE(text[i].size(), 160u) << name << ":" << i + 1;
      for (const char* word : {"TODO", "FIXME"})
        EXPECT_EQ(text[i].find(word), std::string::npos)
            << name << ":" << i + 1 << ": finish it or file an issue";
    }
  }
}

TEST(Sources, MainIsShort) { EXPECT_LE(lines(kRoot / "src/cli/main.cc").size(), 40u); }

// A link in a document, [text](path) or [text](path#symbol), leads to a file that exists and still
// says the symbol.
TEST(Documents, LinksLead) {
  const std::regex link("\\]\\(([^)#\\s]+)(#[^)\\s]*)?\\)");
  std::vector<fs::path> documents;
  for (const auto& entry : fs::directory_iterator(kRoot))
    if (entry.path().extension() == ".md") documents.push_back(entry.path());
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "docs"))
    if (entry.path().extension() == ".md") documents.push_back(entry.path());
  for (const fs::path& document : documents) {
    for (const std::string& line : lines(document)) {
      for (std::sregex_iterator it(line.begin(), line.end(), link), end; it != end; ++it) {
        const std::string target = (*it)[1];
        if (target.starts_with("http")) continue;
        const fs::path path = document.parent_path() / target;
        EXPECT_TRUE(fs::exists(path)) << document.filename().string() << " links to " << target;
        std::string symbol = (*it)[2];
        if (symbol.empty() || path.extension() == ".md" || !fs::exists(path)) continue;
        symbol.erase(0, 1);
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        EXPECT_NE(text.str().find(symbol), std::string::npos)
            << document.filename().string() << " names " << symbol << ", which " << target
            << " no longer has";
      }
    }
  }
}

}  // namespace

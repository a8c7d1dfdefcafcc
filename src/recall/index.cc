#include "recall/index.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>

#include "db/writer.h"
#include "recall/terms.h"

namespace recall {
namespace {

constexpr std::string_view kSchema[] = {R"sql(
CREATE TABLE stores(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE chunks(
  id INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL REFERENCES stores(n), file TEXT NOT NULL,
  ordinal INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX chunks_by_file ON chunks(store, file, ordinal);
-- `scope` holds the store as one term, so that a search reads only what it may.
CREATE VIRTUAL TABLE chunk_terms USING fts5(scope, terms, tokenize = 'unicode61');
)sql"};

constexpr size_t kTermsMax = 64;          // of a query
constexpr int64_t kCandidatesMax = 1000;  // by BM25, before scores and filters
constexpr double kCoverageShare = 0.75;   // of a score; the rest is the place by BM25

std::string scope_term(int64_t store) { return "s" + std::to_string(store); }

base::Result<int64_t> find_store(db::Database& database, std::string_view id) {
  TRY(db::Statement row, database.query("SELECT n FROM stores WHERE id = ?", id));
  TRY(const bool there, row.step());
  return there ? row.integer(0) : 0;
}

base::Status remove_rows(db::Database& database, int64_t store, std::string_view file) {
  TRY_VOID(database.run(
      "DELETE FROM chunk_terms WHERE rowid IN (SELECT id FROM chunks WHERE store = ? AND file = ?)",
      store, file));
  return database.run("DELETE FROM chunks WHERE store = ? AND file = ?", store, file);
}

std::string joined(const std::vector<std::string>& terms) {
  std::string out;
  for (const std::string& term : terms) out += (out.empty() ? "" : " ") + term;
  return out;
}

std::vector<std::string> distinct_terms(std::string_view query) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (std::string& term : query_terms(query)) {
    if (out.size() == kTermsMax) break;
    if (seen.insert(term).second) out.push_back(std::move(term));
  }
  return out;
}

// Terms hold letters and digits alone, so they need no escape inside the quotes.
std::string alternatives(const std::vector<std::string>& terms) {
  std::string out;
  for (const std::string& term : terms) out += (out.empty() ? "\"" : " OR \"") + term + "\"";
  return "(" + out + ")";
}

// A longer term says more: "the" must not weigh as much as "photosynthesis".
double weight(const std::string& term) {
  return static_cast<double>(std::min<size_t>(term.size(), 9));
}

double coverage(const std::vector<std::string>& terms, std::string_view text) {
  std::unordered_set<std::string> there;
  for (std::string& term : index_terms(text)) there.insert(std::move(term));
  double all = 0, found = 0;
  for (const std::string& term : terms) {
    all += weight(term);
    if (there.contains(term)) found += weight(term);
  }
  return all > 0 ? found / all : 0;
}

// Best first by BM25.
base::Result<std::vector<Hit>> find_candidates(db::Database& database,
                                               const std::map<int64_t, std::string>& stores,
                                               const std::vector<std::string>& terms) {
  std::vector<std::string> scopes;
  for (const auto& [n, id] : stores) scopes.push_back(scope_term(n));
  const std::string match =
      "scope : " + alternatives(scopes) + " AND terms : " + alternatives(terms);
  TRY(db::Statement rows,
      database.query("SELECT c.store, c.file, c.ordinal, c.text "
                     "FROM chunk_terms JOIN chunks c ON c.id = chunk_terms.rowid "
                     "WHERE chunk_terms MATCH ? ORDER BY bm25(chunk_terms, 0.0, 1.0) LIMIT ?",
                     match, kCandidatesMax));
  std::vector<Hit> out;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({.store_id = stores.at(rows.integer(0)),
                   .file_id = rows.text(1),
                   .ordinal = rows.integer(2),
                   .text = rows.text(3)});
  }
}

}  // namespace

struct Index::State {
  explicit State(db::Database database) : readers(database.path()), writer(std::move(database)) {}
  mutable db::ReadPool readers;
  db::Writer writer;
};

Index::Index(std::unique_ptr<State> state) : state_(std::move(state)) {}
Index::~Index() = default;

base::Result<std::unique_ptr<Index>> Index::open(const std::string& path) {
  TRY(db::Database database, db::Database::open(path));
  TRY_VOID(database.migrate(kSchema));
  return std::unique_ptr<Index>(new Index(std::make_unique<State>(std::move(database))));
}

base::Status Index::put(std::string_view store_id, std::string_view file_id,
                        const std::vector<std::string_view>& chunks) {
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(database.run("INSERT OR IGNORE INTO stores(id) VALUES(?)", store_id));
    TRY(const int64_t store, find_store(database, store_id));
    TRY_VOID(remove_rows(database, store, file_id));
    for (size_t i = 0; i < chunks.size(); ++i) {
      TRY_VOID(database.run("INSERT INTO chunks(store, file, ordinal, text) VALUES(?,?,?,?)", store,
                            file_id, static_cast<int64_t>(i), chunks[i]));
      TRY_VOID(
          database.run("INSERT INTO chunk_terms(rowid, scope, terms) "
                       "VALUES(last_insert_rowid(),?,?)",
                       scope_term(store), joined(index_terms(chunks[i]))));
    }
    return {};
  });
}

base::Status Index::remove_file(std::string_view store_id, std::string_view file_id) {
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY(const int64_t store, find_store(database, store_id));
    return remove_rows(database, store, file_id);
  });
}

base::Status Index::remove_store(std::string_view store_id) {
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY(const int64_t store, find_store(database, store_id));
    TRY_VOID(database.run(
        "DELETE FROM chunk_terms WHERE rowid IN (SELECT id FROM chunks WHERE store = ?)", store));
    TRY_VOID(database.run("DELETE FROM chunks WHERE store = ?", store));
    return database.run("DELETE FROM stores WHERE n = ?", store);
  });
}

base::Result<std::vector<std::string>> Index::chunks(std::string_view store_id,
                                                     std::string_view file_id) const {
  std::vector<std::string> out;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(db::Statement rows,
        database.query("SELECT c.text FROM chunks c JOIN stores s ON s.n = c.store "
                       "WHERE s.id = ? AND c.file = ? ORDER BY c.ordinal",
                       store_id, file_id));
    for (;;) {
      TRY(const bool more, rows.step());
      if (!more) return {};
      out.push_back(rows.text(0));
    }
  }));
  return out;
}

base::Result<std::vector<Hit>> Index::search(const Search& search) const {
  std::map<std::string, Hit> best;  // by store, file and chunk
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    std::map<int64_t, std::string> stores;
    for (const std::string& id : search.store_ids) {
      TRY(const int64_t n, find_store(database, id));
      if (n > 0) stores.emplace(n, id);
    }
    if (stores.empty()) return {};
    for (const std::string& query : search.queries) {
      const std::vector<std::string> terms = distinct_terms(query);
      if (terms.empty()) continue;
      TRY(std::vector<Hit> found, find_candidates(database, stores, terms));
      for (size_t i = 0; i < found.size(); ++i) {
        Hit& hit = found[i];
        if (search.admits && !search.admits(hit.store_id, hit.file_id)) continue;
        const double place = 1.0 - static_cast<double>(i) / static_cast<double>(found.size());
        hit.score = kCoverageShare * coverage(terms, hit.text) + (1 - kCoverageShare) * place;
        if (hit.score < search.score_min) continue;
        Hit& kept = best[hit.store_id + "/" + hit.file_id + "/" + std::to_string(hit.ordinal)];
        if (hit.score > kept.score) kept = std::move(hit);
      }
    }
    return {};
  }));
  std::vector<Hit> hits;
  for (auto& [key, hit] : best) hits.push_back(std::move(hit));
  std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
    return std::tie(b.score, a.store_id, a.file_id, a.ordinal) <
           std::tie(a.score, b.store_id, b.file_id, b.ordinal);
  });
  if (hits.size() > static_cast<size_t>(search.limit))
    hits.resize(static_cast<size_t>(search.limit));
  return hits;
}

}  // namespace recall

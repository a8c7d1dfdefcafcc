// The store against a model of it: a plain list that is walked from the front. And what both must
// share with the real thing: atomic changes, blobs that are whole or absent.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "files/files.h"
#include "objects/blobs.h"
#include "objects/store.h"

namespace objects {
namespace {

using base::Code;

class ObjectsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = files::TemporaryDirectory::create("objects-test");
    ASSERT_TRUE(folder) << folder.error().text();
    folder_.emplace(std::move(*folder));
    reopen();
  }
  void reopen() {
    store_.reset();
    auto store = Store::open(files::join(folder_->path(), "objects.db"), clock_);
    ASSERT_TRUE(store) << store.error().text();
    store_ = std::move(*store);
  }
  void add(const std::string& id, const std::string& topic, const std::string& parent = "") {
    const auto added = store_->insert(
        Object{.kind = "file",
               .id = id,
               .project_id = "proj_a",
               .parent_id = parent,
               .created = clock_.now(),
               .body = json::Object{{"metadata", json::Object{{"a.b", topic}}}, {"n", 7}}});
    ASSERT_TRUE(added) << added.error().text();
  }
  std::vector<std::string> ids(const Query& query) {
    const auto page = store_->list(query);
    EXPECT_TRUE(page) << page.error().text();
    std::vector<std::string> out;
    if (page)
      for (const Object& object : page->data) out.push_back(object.id);
    return out;
  }

  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
  std::optional<files::TemporaryDirectory> folder_;
  std::unique_ptr<Store> store_;
};

using Ids = std::vector<std::string>;

TEST_F(ObjectsTest, WhatIsStoredIsThereAfterAReopen) {
  add("file-1", "x");
  reopen();
  const auto object = store_->get("file", "proj_a", "file-1");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->body["n"].as_int(), 7);
  EXPECT_EQ(object->created, clock_.now());
  EXPECT_EQ(store_->get("file", "proj_b", "file-1").error().code, Code::NotFound);
  EXPECT_EQ(store_->get("batch", "proj_a", "file-1").error().code, Code::NotFound);
  EXPECT_EQ(store_->insert(*object).error().code, Code::AlreadyExists);
}

TEST_F(ObjectsTest, InsertingSeveralIsAllOrNone) {
  add("file-1", "x");
  std::vector<Object> several;
  for (const char* id : {"file-2", "file-1"})
    several.push_back({.kind = "file", .id = id, .project_id = "proj_a", .body = json::Object{}});
  EXPECT_EQ(store_->insert(std::move(several)).error().code, Code::AlreadyExists);
  EXPECT_EQ(ids({.kind = "file", .project_id = "proj_a"}), Ids{"file-1"});
}

TEST_F(ObjectsTest, MembersOfTheBodyAreFoundWhateverTheirNames) {
  add("file-1", "x");
  add("file-2", "y");
  EXPECT_EQ(ids({.kind = "file", .project_id = "proj_a", .equal = {{"metadata.a.b", "y"}}}),
            Ids{"file-2"});
  EXPECT_EQ(ids({.kind = "file", .project_id = "proj_a", .equal = {{"n", "7"}}}).size(), 2u);
  EXPECT_TRUE(ids({.kind = "file", .project_id = "proj_a", .equal = {{"n.b", "7"}}}).empty());
  EXPECT_TRUE(
      ids({.kind = "file", .project_id = "proj_a", .equal = {{"a' OR 1=1 --", "7"}}}).empty());
  const auto all = store_->find_all("file", {{"metadata.a.b", "x"}});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 1u);
}

TEST_F(ObjectsTest, AClientMayDeleteWhileItWalks) {
  for (int i = 0; i < 10; ++i) add("file-" + std::to_string(i), "x");
  Ids seen;
  std::string after;
  for (;;) {
    const auto page =
        store_->list({.kind = "file", .project_id = "proj_a", .limit = 3, .after = after});
    ASSERT_TRUE(page) << page.error().text();
    for (const Object& object : page->data) {
      seen.push_back(object.id);
      ASSERT_TRUE(store_->remove("file", "proj_a", object.id));
    }
    if (!page->has_more) break;
    after = page->data.back().id;
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(store_->remove("file", "proj_a", "file-1").error().code, Code::NotFound);
  // The places are kept for a day.
  clock_.advance(base::seconds(25 * 3600));
  store_->remove_expired();
  const auto page = store_->list({.kind = "file", .project_id = "proj_a", .after = "file-1"});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, Code::NotFound);
}

TEST_F(ObjectsTest, ExpiredObjectsAreGoneWithTheirChildren) {
  add("file-1", "x");
  add("file-2", "x", "file-1");
  add("file-3", "x", "file-2");
  add("file-4", "x");
  ASSERT_TRUE(store_->set_expiry("file", "proj_a", "file-1", clock_.now() + base::seconds(60)));
  EXPECT_TRUE(store_->get("file", "proj_a", "file-1"));
  clock_.advance(base::seconds(60));
  EXPECT_FALSE(store_->get("file", "proj_a", "file-1"));
  EXPECT_FALSE(store_->set_expiry("file", "proj_a", "file-1", {}));
  Ids told;
  EXPECT_EQ(store_->remove_expired([&](const Object& object) { told.push_back(object.id); }), 3);
  EXPECT_EQ(told, (Ids{"file-1", "file-2", "file-3"}));
  EXPECT_EQ(ids({.kind = "file", .project_id = "proj_a"}), Ids{"file-4"});
}

TEST_F(ObjectsTest, ChangesAreAtomicAndARefusedOneLeavesNoTrace) {
  add("file-1", "x");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 25; ++i) {
        const auto changed =
            store_->update("file", "proj_a", "file-1", [](json::Value& body) -> base::Status {
              body.set("n", body["n"].as_int() + 1);
              return {};
            });
        EXPECT_TRUE(changed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->get("file", "proj_a", "file-1")->body["n"].as_int(), 107);

  const auto refused =
      store_->update("file", "proj_a", "file-1", [](json::Value& body) -> base::Status {
        body.set("n", 0);
        return base::fail(Code::FailedPrecondition, "no");
      });
  EXPECT_EQ(refused.error().code, Code::FailedPrecondition);
  EXPECT_EQ(store_->get("file", "proj_a", "file-1")->body["n"].as_int(), 107);
}

// --- against a model

struct Modelled {
  std::string id, project, parent, topic;
  std::optional<base::Time> expires;
  bool removed = false;
};

struct ModelPage {
  Ids ids;
  bool has_more = false;
};

// The list as OpenAI's documents describe it: everything in order, cut at the places, then to size.
ModelPage model_list(const std::vector<Modelled>& model, const Query& query, base::Time now) {
  std::vector<Modelled> order = model;
  if (!query.ascending) std::reverse(order.begin(), order.end());
  size_t from = 0, to = order.size();
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i].project != query.project_id) continue;
    if (order[i].id == query.after) from = i + 1;
    if (order[i].id == query.before) to = i;
  }
  Ids kept;
  for (size_t i = from; i < to; ++i) {
    const Modelled& it = order[i];
    if (it.removed || it.project != query.project_id || (it.expires && *it.expires <= now))
      continue;
    if (query.parent_id && *query.parent_id != it.parent) continue;
    if (!query.equal.empty() && query.equal[0].second != it.topic) continue;
    kept.push_back(it.id);
  }
  const auto limit = static_cast<size_t>(query.limit);
  ModelPage page{kept, kept.size() > limit};
  if (page.has_more) {
    if (query.after.empty() && !query.before.empty())
      page.ids.erase(page.ids.begin(), page.ids.end() - static_cast<ptrdiff_t>(limit));
    else
      page.ids.resize(limit);
  }
  return page;
}

TEST_F(ObjectsTest, PagesAreThoseOfAPlainList) {
  base::Rng rng(7);
  std::vector<Modelled> model;
  const auto pick = [&](std::initializer_list<const char*> from) {
    return std::string(*(from.begin() + rng.below(from.size())));
  };
  int compared = 0;
  for (int step = 0; step < 900; ++step) {
    clock_.advance(base::seconds(1));
    const uint64_t action = rng.below(10);
    if (action < 3 || model.empty()) {
      Modelled it{.id = "obj_" + std::to_string(step),
                  .project = pick({"proj_a", "proj_b"}),
                  .parent = pick({"", "p1", "p2"}),
                  .topic = pick({"x", "y"}),
                  .expires = {}};
      if (rng.below(4) == 0) it.expires = clock_.now() + base::seconds(1 + int64_t(rng.below(200)));
      ASSERT_TRUE(store_->insert(Object{.kind = "k",
                                        .id = it.id,
                                        .project_id = it.project,
                                        .parent_id = it.parent,
                                        .created = clock_.now(),
                                        .expires = it.expires,
                                        .body = json::Object{{"topic", it.topic}}}));
      model.push_back(it);
    } else if (action == 3) {
      Modelled& it = model[rng.below(model.size())];
      const bool gone = it.removed || (it.expires && *it.expires <= clock_.now());
      EXPECT_EQ(store_->remove("k", it.project, it.id).has_value(), !gone);
      it.removed = true;
    } else {
      Query query{.kind = "k", .project_id = pick({"proj_a", "proj_b"})};
      query.limit = 1 + static_cast<int64_t>(rng.below(8));
      query.ascending = rng.below(2) == 0;
      if (rng.below(3) == 0) query.parent_id = pick({"", "p1", "p2"});
      if (rng.below(3) == 0) query.equal = {{"topic", pick({"x", "y"})}};
      // Places of the same project; what has expired and gone keeps its place too.
      const auto place = [&]() -> std::string {
        const Modelled& it = model[rng.below(model.size())];
        return it.project == query.project_id ? it.id : "";
      };
      if (rng.below(2) == 0) query.after = place();
      if (rng.below(3) == 0) query.before = place();
      const ModelPage expected = model_list(model, query, clock_.now());
      const auto page = store_->list(query);
      ASSERT_TRUE(page) << page.error().text();
      Ids got;
      for (const Object& object : page->data) got.push_back(object.id);
      ASSERT_EQ(got, expected.ids) << "step " << step << " after '" << query.after << "' before '"
                                   << query.before << "' limit " << query.limit;
      ASSERT_EQ(page->has_more, expected.has_more) << "step " << step;
      ++compared;
    }
    if (step % 100 == 99) store_->remove_expired();
    if (step % 300 == 299) reopen();
  }
  EXPECT_GT(compared, 300);
}

// --- blobs

TEST_F(ObjectsTest, BlobsAreWholeOrAbsent) {
  const std::string directory = files::join(folder_->path(), "blobs");
  auto opened = Blobs::open(directory);
  ASSERT_TRUE(opened) << opened.error().text();
  Blobs& blobs = **opened;
  ASSERT_TRUE(blobs.put("part_aa", "one "));
  ASSERT_TRUE(blobs.put("part_bb", "two"));
  ASSERT_TRUE(blobs.concatenate("file-cc", {"part_aa", "part_bb", "part_aa"}));
  EXPECT_EQ(*blobs.read("file-cc"), "one twoone ");
  EXPECT_EQ(*blobs.size("file-cc"), 11);
  EXPECT_EQ(blobs.concatenate("file-dd", {"part_aa", "part_zz"}).error().code, Code::NotFound);
  EXPECT_FALSE(files::exists(blobs.path("file-dd")));
  {
    auto writer = blobs.create("file-ee");
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append("half"));
    EXPECT_FALSE(files::exists(blobs.path("file-ee")));
  }
  EXPECT_FALSE(files::exists(blobs.path("file-ee")));
  ASSERT_TRUE(blobs.put("file-00", ""));
  EXPECT_EQ(*blobs.read("file-00"), "");

  ASSERT_TRUE(files::write_atomic(blobs.path("file-cc") + ".AbCdEf", "left by a crash"));
  ASSERT_TRUE(Blobs::open(directory));
  EXPECT_FALSE(files::exists(blobs.path("file-cc") + ".AbCdEf"));
  const auto removed = blobs.remove_unknown([](std::string_view id) { return id == "file-cc"; });
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 3);
  EXPECT_TRUE(files::exists(blobs.path("file-cc")));
}

}  // namespace
}  // namespace objects

#include "engine/prefix_pages.h"

#include <algorithm>

#include "base/check.h"

namespace engine {
namespace {

constexpr auto kTokens = static_cast<size_t>(kernels::kPageTokens);

std::vector<int32_t> block(std::span<const int32_t> tokens, size_t index) {
  const auto part = tokens.subspan(index * kTokens, kTokens);
  return {part.begin(), part.end()};
}

}  // namespace

PrefixPages::PrefixPages(int64_t pages) : pages_(pages) {
  for (int64_t page = pages; page-- > 0;) free_.push_back(static_cast<int32_t>(page));
}

bool PrefixPages::lease(const std::string& scope, std::span<const int32_t> prompt, int64_t count,
                        bool share, Lease* out) {
  CHECK(out->table.empty() && count > 0 && !prompt.empty());
  out->scope = scope;
  out->shares = share;
  const size_t blocks = share ? (prompt.size() - 1) / kTokens : 0;
  CHECK(static_cast<int64_t>(blocks) <= count);
  Node* at = share ? root_of(*out) : nullptr;
  if (share) ++at->users;
  for (size_t i = 0; i < blocks; ++i) {
    const auto found = at->children.find(block(prompt, i));
    if (found == at->children.end()) break;
    at = found->second.get();
    use(at);
    out->shared.push_back(at);
  }
  const auto missing = count - static_cast<int64_t>(out->shared.size());
  if (missing > available()) {
    give_back(0, {}, out);
    return false;
  }
  for (const Node* node : out->shared) out->table.push_back(node->page);
  while (static_cast<int64_t>(out->table.size()) < count) {
    const int32_t page = take_page();
    if (out->shared.size() < blocks) {
      at = add(at, block(prompt, out->shared.size()), page);
      out->shared.push_back(at);
    }
    out->table.push_back(page);
  }
  return true;
}

void PrefixPages::give_back(uint64_t id, std::span<const int32_t> tokens, Lease* lease) {
  for (Node* node : lease->shared)
    if (id != 0 && node->filler == id) node->filler = 0;
  if (lease->shares) keep_written(tokens, lease);
  for (size_t i = lease->shared.size(); i < lease->table.size(); ++i)
    free_.push_back(lease->table[i]);
  // The last page first: what nothing hangs on is the first to go.
  for (size_t i = lease->shared.size(); i-- > 0;) release(lease->shared[i]);
  if (lease->shares) {
    Node* root = root_of(*lease);
    if (--root->users == 0 && root->children.empty()) roots_.erase(lease->scope);
  }
  *lease = {};
}

// Pages of this request alone that are full become pages that others may find.
void PrefixPages::keep_written(std::span<const int32_t> tokens, Lease* lease) {
  for (size_t i = lease->shared.size(); (i + 1) * kTokens <= tokens.size(); ++i) {
    Node* parent = lease->shared.empty() ? root_of(*lease) : lease->shared.back();
    if (parent->page >= 0 && !parent->filled) return;
    const auto found = parent->children.find(block(tokens, i));
    if (found != parent->children.end()) {
      free_.push_back(lease->table[i]);
      use(found->second.get());
      lease->shared.push_back(found->second.get());
    } else {
      lease->shared.push_back(add(parent, block(tokens, i), lease->table[i]));
      lease->shared.back()->filled = true;
    }
  }
}

int32_t PrefixPages::take_page() {
  if (free_.empty()) {
    CHECK(!unused_.empty());
    remove(unused_.front());
  }
  const int32_t page = free_.back();
  free_.pop_back();
  return page;
}

PrefixPages::Node* PrefixPages::add(Node* parent, std::span<const int32_t> tokens, int32_t page) {
  auto node = std::make_unique<Node>();
  node->tokens.assign(tokens.begin(), tokens.end());
  node->page = page;
  node->parent = parent;
  node->users = 1;
  Node* added = node.get();
  parent->children.emplace(added->tokens, std::move(node));
  return added;
}

void PrefixPages::use(Node* node) {
  if (node->users++ == 0) unused_.erase(node->unused);
}

void PrefixPages::release(Node* node) {
  CHECK(node->users > 0);
  if (--node->users > 0) return;
  node->unused = unused_.insert(unused_.end(), node);
  if (!node->filled) remove(node);
}

void PrefixPages::remove(Node* node) {
  CHECK(node->users == 0 && node->children.empty());
  unused_.erase(node->unused);
  free_.push_back(node->page);
  Node* parent = node->parent;
  parent->children.erase(std::vector<int32_t>(node->tokens));
  if (parent->page >= 0 || parent->users > 0 || !parent->children.empty()) return;
  std::erase_if(roots_, [&](const auto& root) { return root.second.get() == parent; });
}

PrefixPages::Node* PrefixPages::root_of(const Lease& lease) {
  std::unique_ptr<Node>& root = roots_[lease.scope];
  if (!root) root = std::make_unique<Node>();
  return root.get();
}

}  // namespace engine

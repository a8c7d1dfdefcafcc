// The pages of the KV cache and who uses them. Pages that hold the same tokens from the start of a
// prompt on are shared within a scope (a project): while requests run, and after that until the
// memory is wanted, the longest unused going first. The engine thread's own.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/attention.h"

namespace engine {

class PrefixPages {
 public:
  // One page of a prompt. Its users are the leases that hold it.
  struct Node {
    std::vector<int32_t> tokens = {};  // as many as a page holds
    int32_t page = -1;
    Node* parent = nullptr;
    std::map<std::vector<int32_t>, std::unique_ptr<Node>> children = {};
    int64_t users = 0;
    bool filled = false;  // its keys and values are in the cache
    uint64_t filler = 0;  // the request that is writing them; 0: nobody
    std::list<Node*>::iterator unused = {};
  };
  // The pages of one request, in the order of its tokens: the shared ones first.
  struct Lease {
    std::string scope = {};
    bool shares = false;
    std::vector<Node*> shared = {};
    std::vector<int32_t> table = {};
  };

  explicit PrefixPages(int64_t pages);
  int64_t pages() const { return pages_; }
  int64_t available() const { return static_cast<int64_t>(free_.size() + unused_.size()); }

  // Pages for `count` * kPageTokens tokens that begin with `prompt`; false when there are too few.
  // The last token of the prompt is never in a shared page: it has to be run for its logits.
  bool lease(const std::string& scope, std::span<const int32_t> prompt, int64_t count, bool share,
             Lease* out);
  // Takes the pages back from request `id`. `tokens`: those whose keys and values are written;
  // whole pages of them stay for whoever begins with the same tokens.
  void give_back(uint64_t id, std::span<const int32_t> tokens, Lease* lease);

 private:
  int32_t take_page();
  Node* add(Node* parent, std::span<const int32_t> tokens, int32_t page);
  void use(Node* node);
  void release(Node* node);
  void remove(Node* node);
  void keep_written(std::span<const int32_t> tokens, Lease* lease);
  Node* root_of(const Lease& lease);

  const int64_t pages_;
  std::vector<int32_t> free_;
  std::list<Node*> unused_;  // filled, without users; a page stands in front of those before it
  std::unordered_map<std::string, std::unique_ptr<Node>> roots_;  // by scope
};

}  // namespace engine

// The categories of harm that moderation speaks of, by OpenAI's names. The model scores them, the
// charter sets their thresholds, and the two stand in columns that never see each other.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace base {

inline constexpr std::array<std::string_view, 13> kModerationCategories = {"harassment",
                                                                           "harassment/threatening",
                                                                           "hate",
                                                                           "hate/threatening",
                                                                           "illicit",
                                                                           "illicit/violent",
                                                                           "self-harm",
                                                                           "self-harm/intent",
                                                                           "self-harm/instructions",
                                                                           "sexual",
                                                                           "sexual/minors",
                                                                           "violence",
                                                                           "violence/graphic"};

// The place of `name`, or the number of categories when there is no such one.
constexpr size_t moderation_category(std::string_view name) {
  size_t at = 0;
  while (at < kModerationCategories.size() && kModerationCategories[at] != name) ++at;
  return at;
}

}  // namespace base

// CHECK: an assertion about our own code, always on. It never guards what a file, a request or a
// peer can cause: that is an Error (base/result.h). A failed CHECK prints where and what, and
// aborts.
#pragma once

namespace base {
[[noreturn]] void check_failed(const char* file, int line, const char* expression);
}  // namespace base

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::base::check_failed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition) CHECK(condition)
#endif

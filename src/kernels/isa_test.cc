#include "kernels/isa.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "kernels/ceilings.h"
#include "kernels/reference_test.h"
#include "kernels/table.h"

namespace kernels::test {
namespace {

TEST(Isa, BestIsActiveUnlessAskedOtherwise) {
  if (std::getenv("KERNELS_ISA") != nullptr) GTEST_SKIP() << "KERNELS_ISA is set";
  EXPECT_EQ(active_isa(), supported_isas().back());
  const ForceIsa force(Isa::Scalar);
  EXPECT_EQ(&table(), &table_for(Isa::Scalar));
  EXPECT_FALSE(has_bf16_products());
}

TEST(Isa, TablesDiffer) {
  const std::vector<Isa> isas = supported_isas();
  for (size_t i = 1; i < isas.size(); ++i) {
    EXPECT_NE(table_for(isas[i]).f32.block, table_for(isas[i - 1]).f32.block);
  }
}

// Runs this very program again with the variable set; the child says by its exit code which set it
// took.
TEST(Isa, EnvironmentOverrides) {
  for (const Isa isa : supported_isas()) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      setenv("KERNELS_ISA", std::string(isa_name(isa)).c_str(), 1);
      setenv("KERNELS_TEST_EXPECT", std::to_string(static_cast<int>(isa)).c_str(), 1);
      execl("/proc/self/exe", "kernels_test", "--gtest_filter=Isa.ChildTookTheOverride", nullptr);
      _exit(127);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << isa_name(isa);
  }
}

TEST(Isa, ChildTookTheOverride) {
  const char* expected = std::getenv("KERNELS_TEST_EXPECT");
  if (expected == nullptr) GTEST_SKIP() << "run by Isa.EnvironmentOverrides";
  EXPECT_EQ(static_cast<int>(active_isa()), std::atoi(expected));
  EXPECT_EQ(&table(), &table_for(active_isa()));
}

TEST(Ceilings, ArePositive) {
  base::ThreadPool pool(2);
  EXPECT_GT(peak_f32_flops(pool, 0.001), 1e8);
  EXPECT_EQ(peak_bf16_flops(pool, 0.001) > 0, has_bf16_products());
  EXPECT_EQ(peak_int8_ops(pool, 0.001) > 0, has_int8_products());
}

}  // namespace
}  // namespace kernels::test

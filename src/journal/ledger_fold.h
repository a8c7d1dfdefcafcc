// The fold of a whole ledger.db: every row and entry is read, its digest checked, its transfers
// applied to books that start empty. What comes out is what the tables of balances, budgets and
// hours must say. Used to check a ledger, to make its tables again, and to bring an older file up
// to date.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "journal/ledger_index.h"
#include "journal/ledger_rows.h"

namespace journal {

std::span<const std::string_view> ledger_schema();

struct FullFold {
  Folded folded;
  Hours hours;
  money::Ledger books;   // of all transfers, the holds that charges end included
  int64_t old_rows = 0;  // of schema version 1

  // `visit` is called after each entry, and after the last row of version 1.
  base::Status run(db::Database& database, const std::function<void(const FullFold&)>& visit = {});

 private:
  base::Status add(const Entry& entry, int64_t dimensions);
  base::Status add_old(db::Database& database);
};

// Brings a file that has no tables, or those of an older schema, up to date; a file that has them
// is only read. The returned fold is what the tables say.
base::Result<Folded> load_or_make_tables(db::Database& database);
// Makes all tables that follow from the history again, copies of old rows included, in one
// transaction.
base::Status make_tables_again(db::Database& database);

}  // namespace journal

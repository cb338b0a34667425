/* sqlite's own tests are not in the bundle: this drives what it has many of, tables of functions above all. */
#include "sqlite3.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int commits, changes;

static int show(void *tag, int count, char **values, char **names)
{
    printf("%s:", (const char *)tag);
    for (int i = 0; i < count; i++)
        printf(" %s=%s", names[i], values[i] ? values[i] : "null");
    printf("\n");
    return 0;
}

static void run(sqlite3 *db, const char *tag, const char *text)
{
    char *error = NULL;
    int status = sqlite3_exec(db, text, show, (void *)tag, &error);
    if (status)
        printf("%s: %d %s\n", tag, status, error);
    sqlite3_free(error);
}

static int on_commit(void *count) { ++*(int *)count; return 0; }
static void on_change(void *count, int what, const char *db, const char *table, sqlite3_int64 row)
{
    (void)what, (void)db, (void)table, (void)row;
    ++*(int *)count;
}

static void twice(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
}

static void step(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);
    *sum = *sum * 31 + sqlite3_value_int64(values[0]);
}

static void last(sqlite3_context *context) { sqlite3_result_int64(context, *(sqlite3_int64 *)sqlite3_aggregate_context(context, 8)); }

static int backward(void *unused, int n, const void *a, int m, const void *b)
{
    (void)unused;
    int order = memcmp(b, a, n < m ? n : m);
    return order ? order : m - n;
}

int main(void)
{
    sqlite3 *db, *copy;
    if (sqlite3_open(":memory:", &db) || sqlite3_open(":memory:", &copy))
        return 1;
    sqlite3_commit_hook(db, on_commit, &commits);
    sqlite3_update_hook(db, on_change, &changes);
    sqlite3_create_function(db, "twice", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, twice, NULL, NULL);
    sqlite3_create_function(db, "mixed", 1, SQLITE_UTF8, NULL, NULL, step, last);
    sqlite3_create_collation(db, "backward", SQLITE_UTF8, NULL, backward);
    run(db, "make", "create table t(id integer primary key, name text collate backward, value real, data blob);"
                    "create index by_name on t(name); create view v as select id, twice(id) d from t;"
                    "create trigger tr after insert on t when new.id % 100 = 0 begin update t set value = -1 where id = new.id; end;");
    sqlite3_stmt *insert;
    sqlite3_prepare_v2(db, "insert into t(name, value, data) values(?1, ?2, ?3)", -1, &insert, NULL);
    run(db, "begin", "begin");
    unsigned state = 7;
    for (int i = 0; i < 2000; i++) {
        char name[32];
        state = state * 1103515245u + 12345u;
        snprintf(name, sizeof name, "n%u", state % 997);
        sqlite3_bind_text(insert, 1, name, -1, SQLITE_TRANSIENT);
        sqlite3_bind_double(insert, 2, (state >> 8) / 64.0);
        sqlite3_bind_blob(insert, 3, &state, sizeof state, SQLITE_TRANSIENT);
        if (sqlite3_step(insert) != SQLITE_DONE)
            return 2;
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run(db, "commit", "commit");
    run(db, "count", "select count(*), mixed(id), round(sum(value), 3), hex(max(data)) from t");
    run(db, "names", "select name, count(*) n from t group by name having n > 4 order by n desc, name limit 5");
    run(db, "window", "select id, name, row_number() over (partition by name order by value) r, lag(id) over (order by id) l from t where id between 40 and 44");
    run(db, "recursive", "with recursive f(n, a, b) as (select 1, 0, 1 union all select n + 1, b, a + b from f where n < 80) select max(b) from f");
    run(db, "view", "select sum(d) from v where id in (select id from t where name like 'n1%')");
    run(db, "json", "select json_group_array(value ->> '$.k') from json_each('[{\"k\":1},{\"k\":\"two\"},{\"k\":[3]}]')");
    run(db, "search", "create virtual table f using fts5(body); insert into f values('the quick brown fox'), ('lazy dogs sleep'), ('quick dogs run');"
                      "select rowid, highlight(f, 0, '<', '>') h from f where f match 'quick NOT fox OR sleep' order by rank");
    run(db, "boxes", "create virtual table r using rtree(id, x0, x1, y0, y1);"
                     "insert into r select id, id % 50, id % 50 + 1, id % 70, id % 70 + 2 from t;"
                     "select count(*) from r where x0 > 10 and x1 < 20 and y0 > 5 and y1 < 33");
    run(db, "time", "select strftime('%Y-%m-%d %H:%M', 86400 * 365.25 * 31, 'unixepoch'), printf('%.3f %x', 3.14159, 255), abs(-5), upper('abc'), round(ln(10), 6)");
    run(db, "plan", "explain query plan select * from t where name = 'n5' and value > 3");
    run(db, "fails", "insert into t(id) values(1)");
    run(db, "wrong", "selec 1");
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", db, "main");
    int done = sqlite3_backup_step(backup, -1);
    printf("backup %d %d\n", done, sqlite3_backup_finish(backup));
    sqlite3_blob *blob;
    unsigned first = 0;
    sqlite3_blob_open(copy, "main", "t", "data", 77, 0, &blob);
    sqlite3_blob_read(blob, &first, sizeof first, 0);
    printf("blob %d %08x\n", sqlite3_blob_bytes(blob), first);
    sqlite3_blob_close(blob);
    run(copy, "copy", "pragma integrity_check; select count(*) from t");
    printf("hooks %d %d\n", commits, changes);
    int closed = sqlite3_close(db);
    printf("closed %d %d\n", closed, sqlite3_close(copy));
    return 0;
}

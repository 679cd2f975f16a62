/* unit/store/test_migrate.c - the schema: from several processes at once, changed, newer, on a database that forgets */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_migrate", "");
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static void again_finds_nothing_to_do(void **state)
{
    (void)state;
    int64_t before = rig_sql(&rig, "SELECT count(*) FROM schema_migration");

    assert_true(before >= 1);
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_OK);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM schema_migration"), before);
}

static void several_processes_at_once(void **state)
{
    (void)state;
    enum { PROCESSES = 4 };
    pid_t pid[PROCESSES];
    int status;

    rig_sql(&rig, "DROP SCHEMA public CASCADE");
    rig_sql(&rig, "CREATE SCHEMA public");
    for (int n = 0; n < PROCESSES; n++) {
        pid[n] = fork();
        assert_true(pid[n] >= 0);
        if (pid[n] == 0)
            _exit(store_migrate(&rig.config, 5000) == ERR_OK ? 0 : 1);
    }
    for (int n = 0; n < PROCESSES; n++) {
        assert_int_equal(waitpid(pid[n], &status, 0), pid[n]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM schema_migration WHERE version = 1"), 1);
    assert_int_equal(rig_sql(&rig, "SELECT timeline FROM cluster"), 1);
    assert_true(rig_sql(&rig, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'inbox'::regclass") >= 4);
}

static void a_changed_file_is_refused(void **state)
{
    (void)state;
    rig_sql(&rig, "UPDATE schema_migration SET sha256 = reverse(sha256) WHERE version = 1");
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_STORE_DOWN);
    rig_sql(&rig, "UPDATE schema_migration SET sha256 = reverse(sha256) WHERE version = 1");
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_OK);
}

static void a_newer_database_is_refused(void **state)
{
    (void)state;
    rig_sql(&rig, "INSERT INTO schema_migration (version, name, sha256) VALUES (9999, '9999_later', 'x')");
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_STORE_DOWN);
    rig_sql(&rig, "DELETE FROM schema_migration WHERE version = 9999");
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_OK);
}

static void a_database_that_forgets_is_refused(void **state)
{
    (void)state;
    struct config unsafe = rig.config;

    unsafe.store_unsafe_dev = 1;
    rig_sql(&rig, "ALTER DATABASE test_migrate SET synchronous_commit = off");
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_STORE_DOWN);
    assert_int_equal(store_migrate(&unsafe, 1000), ERR_OK);
    rig_sql(&rig, "ALTER DATABASE test_migrate RESET synchronous_commit");
    assert_int_equal(store_migrate(&rig.config, 1000), ERR_OK);
}

static void no_postgres_is_no_endless_wait(void **state)
{
    (void)state;
    struct config nowhere = rig.config;
    uint64_t begin_ms = rig_now_ms();

    snprintf(nowhere.store_conninfo, sizeof nowhere.store_conninfo, "host=/nonexistent dbname=x");
    assert_int_equal(store_migrate(&nowhere, 500), ERR_STORE_DOWN);
    assert_true(rig_now_ms() - begin_ms >= 500 && rig_now_ms() - begin_ms < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(again_finds_nothing_to_do),
        cmocka_unit_test(several_processes_at_once),
        cmocka_unit_test(a_changed_file_is_refused),
        cmocka_unit_test(a_newer_database_is_refused),
        cmocka_unit_test(a_database_that_forgets_is_refused),
        cmocka_unit_test(no_postgres_is_no_endless_wait),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}

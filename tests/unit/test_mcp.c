/*  test_mcp.c - the front-end's parts that judge what comes from outside:
 *  the message reader, the schema check, names and tokens.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mcp-frontend/call.h"
#include "mcp-frontend/policy.h"
#include "mcp-frontend/protocol/rpc.h"
#include "jobs/schema.h"

/* ---- Messages ---------------------------------------------------------- */

static int s_code (const char *bytes, size_t size)
{
    int code = 0;
    char why[256];
    json_t *value = fcj_rpc_parse (bytes, size, &code, why);
    if (value)
        code = 0;
    json_decref (value);
    return code;
}

static void bytes_that_are_no_clean_json_are_refused (void **state)
{
    (void) state;
    assert_int_equal (s_code ("{", 1), FCJ_RPC_PARSE);
    assert_int_equal (s_code ("{\"a\":1}\0", 8), FCJ_RPC_PARSE);
    assert_int_equal (s_code ("[\"\\u0000\"]", 10), FCJ_RPC_PARSE);
    assert_int_equal (s_code ("[\"\xff\"]", 5), FCJ_RPC_PARSE);
    assert_int_equal (s_code ("[\"\\ud800\"]", 10), FCJ_RPC_PARSE);
    assert_int_equal (s_code ("{\"a\":1,\"a\":2}", 13), FCJ_RPC_PARSE);
    assert_int_equal (s_code ("{\"a\":1}", 7), 0);
}

static void a_message_too_deep_or_too_long_is_refused (void **state)
{
    (void) state;
    char deep[400];
    memset (deep, '[', 200);
    memset (deep + 200, ']', 200);
    assert_int_equal (s_code (deep, 400), FCJ_RPC_REQUEST);
    char *large = malloc (FCJ_REQUEST_MAX + 1);
    memset (large, ' ', FCJ_REQUEST_MAX + 1);
    assert_int_equal (s_code (large, FCJ_REQUEST_MAX + 1), FCJ_RPC_REQUEST);
    free (large);
    assert_int_equal (s_code ("[\"[[[[\\\"[[[[\"]", 14), 0);
}

/* ---- Schemas ----------------------------------------------------------- */

static void s_expect (const char *schema, const char *value,
                      const char *error_part)
{
    fcj_error_t error = { FCJ_OK, false, "" };
    json_t *rule = json_loads (schema, 0, NULL);
    json_t *given = json_loads (value, JSON_DECODE_ANY, NULL);
    assert_non_null (rule);
    assert_non_null (given);
    int rc = fcj_schema_check (rule, given, &error);
    if (!error_part)
        assert_int_equal (rc, 0);
    else {
        assert_int_equal (rc, -1);
        assert_int_equal (error.reason, FCJ_INVALID);
        if (!strstr (error.text, error_part))
            fail_msg ("'%s' lacks '%s'", error.text, error_part);
    }
    json_decref (rule);
    json_decref (given);
}

static void an_error_names_the_field_that_is_wrong (void **state)
{
    (void) state;
    static const char S[] = "{\"type\":\"object\",\"properties\":{"
        "\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
        "\"s\":{\"type\":\"string\",\"maxLength\":3,\"enum\":[\"a\",\"b\"]},"
        "\"l\":{\"type\":\"array\",\"minItems\":1,"
        "\"items\":{\"$ref\":\"#/$defs/p\"}}},\"required\":[\"n\"],"
        "\"additionalProperties\":false,\"$defs\":{\"p\":{\"type\":"
        "\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}}}";
    s_expect (S, "{\"n\":3,\"s\":\"a\",\"l\":[{\"x\":1}]}", NULL);
    s_expect (S, "{\"n\":3.0}", NULL);
    s_expect (S, "{}", "'n' is missing");
    s_expect (S, "{\"n\":\"3\"}", "n must be of type integer");
    s_expect (S, "{\"n\":10}", "n must be at most 9");
    s_expect (S, "{\"n\":1,\"s\":\"c\"}", "s must be one of \"a\", \"b\"");
    s_expect (S, "{\"n\":1,\"l\":[]}", "l must have at least 1");
    s_expect (S, "{\"n\":1,\"l\":[{},{\"x\":\"\"}]}", "l[1].x must be");
    s_expect (S, "{\"n\":1,\"z\":1}", "has no property 'z'; it takes: n");
}

static void one_of_several_forms_is_enough (void **state)
{
    (void) state;
    static const char S[] = "{\"anyOf\":[{\"type\":\"string\","
        "\"pattern\":\"^[a-z]+$\"},{\"type\":\"null\"}]}";
    s_expect (S, "\"abc\"", NULL);
    s_expect (S, "null", NULL);
    s_expect (S, "\"ABC\"", "pattern");
    s_expect (S, "3", "none of the forms");
}

static void a_schema_that_refers_to_itself_ends (void **state)
{
    (void) state;
    s_expect ("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":"
              "\"#/$defs/a\"}}}", "1", "too deep");
}

static void the_parts_of_json_schema_that_combine_others (void **state)
{
    (void) state;
    s_expect ("{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2",
              "fits 2");
    s_expect ("{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "0", NULL);
    s_expect ("{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4",
              "at most 3");
    s_expect ("{\"not\":{\"type\":\"string\"}}", "\"a\"", "not allowed");
    s_expect ("{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":2},"
              "\"else\":{\"minimum\":5}}", "4", "at least 5");
    s_expect ("{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":2}}",
              "\"a\"", "at least 2");
    s_expect ("{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}",
              "[\"a\",1]", "takes 1 elements");
    s_expect ("{\"uniqueItems\":true}", "[1,2,1]", "twice");
    s_expect ("{\"multipleOf\":0.1}", "0.35", "multiple");
    s_expect ("{\"multipleOf\":0.1}", "0.3", NULL);
    s_expect ("{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", "at most 1");
    s_expect ("{\"properties\":{\"a\":false}}", "{\"a\":1}",
              "a is not allowed");
}

static void a_schema_is_looked_through_before_it_is_used (void **state)
{
    (void) state;
    static const struct { const char *schema, *says; } CASES[] = {
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":"
          "\"#/$defs/b\"}},\"$defs\":{\"b\":{\"anyOf\":[{},true]}},"
          "\"x-fcj-input\":true,\"$anchor\":\"q\"}", NULL },
        { "{\"properties\":{\"a\":{\"typ\":\"x\"}}}", "a: 'typ'" },
        { "{\"type\":\"text\"}", "no type" },
        { "{\"type\":[]}", "no type" },
        { "{\"pattern\":\"\\\\d\"}", "POSIX" },
        { "{\"pattern\":\"(?=a)\"}", "POSIX" },
        { "{\"pattern\":\"(a\"}", "regular" },
        { "{\"$ref\":\"http://evil.example/\"}", "nothing" },
        { "{\"enum\":[]}", "wrong type" },
        { "{\"maxItems\":-1}", "wrong type" },
        { "{\"items\":[]}", "no object" },
        { "[]", "no object" },
    };
    for (size_t n = 0; n < sizeof CASES / sizeof *CASES; n++) {
        fcj_error_t error = { FCJ_OK, false, "" };
        json_t *schema = json_loads (CASES[n].schema, 0, NULL);
        int rc = fcj_schema_valid (schema, &error);
        json_decref (schema);
        if ((rc == 0) != !CASES[n].says
            || (rc && !strstr (error.text, CASES[n].says)))
            fail_msg ("%s: '%s'", CASES[n].schema, error.text);
    }
}

/* ---- Names ------------------------------------------------------------- */

static void only_names_we_go_by_are_served (void **state)
{
    (void) state;
    fcj_policy_t *policy = fcj_policy_new ("cad.example",
                                           "https://Pub.example:444/mcp");
    assert_true (fcj_policy_host (policy, "localhost:8765"));
    assert_true (fcj_policy_host (policy, "[::1]:1"));
    assert_true (fcj_policy_host (policy, "CAD.example"));
    assert_false (fcj_policy_host (policy, NULL));
    assert_false (fcj_policy_host (policy, "evil.example"));
    assert_false (fcj_policy_host (policy, "localhost.evil.example"));
    assert_true (fcj_policy_origin (policy, NULL));
    assert_true (fcj_policy_origin (policy, "http://127.0.0.1:5173"));
    assert_false (fcj_policy_origin (policy, "null"));
    assert_false (fcj_policy_origin (policy, "http://evil.example"));
    assert_false (fcj_policy_origin (policy, "http://localhost@evil.ex"));
    assert_true (fcj_policy_host (policy, "pub.example"));
    fcj_policy_destroy (&policy);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (bytes_that_are_no_clean_json_are_refused),
        cmocka_unit_test (a_message_too_deep_or_too_long_is_refused),
        cmocka_unit_test (an_error_names_the_field_that_is_wrong),
        cmocka_unit_test (one_of_several_forms_is_enough),
        cmocka_unit_test (a_schema_that_refers_to_itself_ends),
        cmocka_unit_test (the_parts_of_json_schema_that_combine_others),
        cmocka_unit_test (a_schema_is_looked_through_before_it_is_used),
        cmocka_unit_test (only_names_we_go_by_are_served),
    };
    return sodium_init () < 0? 1
         : cmocka_run_group_tests (tests, NULL, NULL);
}

/*  plan.cpp - from JSON text to a checked plan, without OpenCASCADE.  */

#include "plan.hpp"
#include "check.hpp"
#include "fault.hpp"

#include <cctype>
#include <cstring>

namespace fcj {

static const size_t ID_MAX = 64;

bool good_name (const std::string &name)
{
    if (name.empty () || name.size () > ID_MAX)
        return false;
    for (unsigned char byte : name)
        if (!std::isalnum (byte) && byte != '_' && byte != '-')
            return false;
    return std::isalpha ((unsigned char) name[0]) || name[0] == '_';
}

bool read_reference (const std::string &text, Reference &made)
{
    if (text.size () < 2 || text[0] != '$')
        return false;
    size_t dot = text.find ('.');
    made = Reference{text.substr (1, dot == std::string::npos ? dot : dot - 1)};
    if (!good_name (made.name))
        return false;
    if (dot == std::string::npos)
        return true;
    std::string part = text.substr (dot + 1);
    for (const char *kind :
         {"Solid", "Shell", "Face", "Wire", "Edge", "Vertex"}) {
        size_t size = std::strlen (kind);
        if (part.compare (0, size, kind) != 0 || part.size () == size ||
            part.size () > size + 7)
            continue;
        made.kind = kind;
        for (unsigned char byte : part.substr (size)) {
            if (!std::isdigit (byte))
                return false;
            made.number = made.number * 10 + (byte - '0');
        }
        return made.number > 0;
    }
    return false;
}

static Json s_load (const char *text, size_t size)
{
    if (size > FCJ_KERNEL_PIPELINE_MAX)
        invalid ("limit", format ("the pipeline has %zu bytes, at most %d are "
                                  "allowed", size, FCJ_KERNEL_PIPELINE_MAX));
    json_error_t error;
    json_t *made = json_loadb (text, size, JSON_REJECT_DUPLICATES, &error);
    if (!made)
        invalid ("argument", format ("the pipeline is not JSON: %s (line %d, "
                                     "column %d)", error.text, error.line,
                                     error.column));
    return Json (made);
}

static const Op *s_op (json_t *step)
{
    json_t *name = json_object_get (step, "op");
    if (!json_is_object (step) || !json_is_string (name))
        invalid ("argument", "the step must be an object with a text \"op\"",
                 "op");
    if (const Op *op = find_op (json_string_value (name)))
        return op;
    std::string all;
    for (const Op &op : all_ops ())
        all += (all.empty () ? "" : ", ") + op.name;
    invalid ("argument", "there is no op \"" +
                             std::string (json_string_value (name)).substr (0, 60) +
                             "\"; known: " + all, "op");
}

static std::string s_id (json_t *step, int index,
                         const std::set<std::string> &taken)
{
    std::string id = format ("step%d", index + 1);
    if (json_t *given = json_object_get (step, "id")) {
        if (!json_is_string (given) || !good_name (json_string_value (given)))
            invalid ("argument", "id must be a text of letters, digits, _ and "
                                 "-, at most 64, beginning with a letter", "id");
        id = json_string_value (given);
    }
    if (taken.count (id))
        invalid ("argument", "the id " + id + " is taken by an earlier step or "
                             "an input", "id");
    return id;
}

/*  Steps that know where they are, in whatever goes wrong with them.  */
static void s_read_step (Plan &plan, json_t *given, std::set<std::string> &taken)
{
    int index = (int) plan.steps.size ();
    const Op *op = nullptr;
    std::string id;
    try {
        id = s_id (given, index, taken);
        op = s_op (given);
        Scope scope;
        scope.known = [&] (const std::string &name) {
            return taken.count (name) != 0;
        };
        for (const std::string &name : taken)
            if (scope.names.size () < 400)
                scope.names += (scope.names.empty () ? "$" : ", $") + name;
        if (index)
            scope.previous = "$" + plan.steps.back ().id;
        plan.steps.push_back (
            {index, id, op, check_arguments (op->params, given, scope, "")});
        taken.insert (id);
    } catch (Fault &fault) {
        fault.index = index;
        fault.step = id.empty () ? format ("step%d", index + 1) : id;
        fault.op = op ? op->name : "";
        throw;
    }
}

static void s_read_options (Plan &plan, json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach (root, key, value)
    {
        std::string name = key;
        if (name == "memo" && json_is_boolean (value))
            plan.memo = json_is_true (value);
        else if (name == "threads" && json_is_integer (value) &&
                 json_integer_value (value) >= 1 &&
                 json_integer_value (value) <= FCJ_KERNEL_THREADS_MAX)
            plan.threads = (int) json_integer_value (value);
        else if (name == "result" && json_is_string (value)) {
            std::string id = json_string_value (value);
            if (!id.empty () && id[0] == '$')
                id.erase (0, 1);
            for (const Step &step : plan.steps)
                if (step.id == id)
                    plan.result = step.index;
            if (plan.result < 0)
                invalid ("reference", "result names $" + id.substr (0, 64) +
                                          ", which is no step", "result");
        } else if (name != "steps")
            invalid ("argument",
                     name == "memo" || name == "threads" || name == "result"
                         ? "memo must be true or false, threads a whole number "
                           "of at most 64, result the id of a step"
                         : "a pipeline has steps, result, memo and threads, "
                           "not " + name.substr (0, 60), name);
    }
}

Plan read_plan (const char *text, size_t size,
                const std::set<std::string> &inputs)
{
    Json root = s_load (text, size);
    json_t *steps = json_object_get (root.get (), "steps");
    size_t count = json_array_size (steps);
    if (!json_is_array (steps) || count == 0)
        invalid ("argument", "a pipeline is an object with a list \"steps\" "
                             "that is not empty", "steps");
    if (count > FCJ_KERNEL_STEPS_MAX)
        invalid ("limit", format ("the pipeline has %zu steps, at most %d are "
                                  "allowed", count, FCJ_KERNEL_STEPS_MAX));
    Plan plan;
    std::set<std::string> taken = inputs;
    for (size_t at = 0; at < count; at++)
        s_read_step (plan, json_array_get (steps, at), taken);
    s_read_options (plan, root.get ());
    return plan;
}

} // namespace fcj

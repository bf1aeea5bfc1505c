/*  language.hpp - an operation is declared once: its parameters, its words,
 *  its function.
 *
 *  From this table a pipeline is checked, defaults are filled in, the memo's
 *  key is made and the JSON schema is written, so that none can disagree.
 *  Each ops_*.cpp hands over its part of the table.  */

#ifndef FCJ_KERNEL_LANGUAGE_HPP
#define FCJ_KERNEL_LANGUAGE_HPP

#include "json.hpp"
#include "kernel.h"

#include <functional>
#include <string>
#include <vector>

namespace fcj {

enum class Kind {
    Number, Integer, Flag, Text, Choice, File,
    Point,              /* [x, y, z] or [x, y]                      */
    Direction,          /* the same, not of length zero             */
    Color,              /* [r, g, b], 0..1                          */
    Numbers,            /* list of numbers                          */
    Integers,           /* one whole number, or a list of them      */
    Scale,              /* one number, or a list of three           */
    Points,             /* list of points                           */
    Ref,                /* "$id" or "$id.Face3"                     */
    Refs,               /* list of these, or one                    */
    Names,              /* list of "Face3" or "Edge7", or one       */
    Object, Objects     /* with fields                              */
};

struct Param {
    std::string name;
    Kind kind;
    std::string text;                   /* what it is, for people    */
    bool required = false;
    bool previous = false;              /* Ref: default, step before */
    std::string fallback = {};          /* default, JSON; "" none    */
    double low = 0, high = 0;           /* of each number            */
    size_t least = 0, most = 0;         /* of a list's length        */
    std::vector<std::string> choices = {};
    std::string prefix = {};            /* Names: "Face" or "Edge"   */
    std::vector<Param> fields = {};     /* Object, Objects           */

    /*  For the tables: number ("radius", "...").must () and so on.  */
    Param must () const;
    Param otherwise (const char *json) const;
    Param within (double lowest, double highest) const;
    Param count (size_t fewest, size_t greatest) const;
};

using Params = std::vector<Param>;

Param length (const char *name, const char *text);      /* > 0, mm        */
Param number (const char *name, const char *text);      /* any, mm        */
Param angle (const char *name, const char *text);       /* degrees        */
Param integer (const char *name, const char *text, int low, int high);
Param flag (const char *name, const char *text, bool value);
Param text (const char *name, const char *text);
Param choice (const char *name, const char *text,
              const std::vector<std::string> &choices, const char *value);
Param point (const char *name, const char *text);       /* default origin */
Param direction (const char *name, const char *text, const char *value);
Param points (const char *name, const char *text, size_t least);
Param shape ();                         /* "shape", the step before       */
Param ref (const char *name, const char *text);
Param refs (const char *name, const char *text, size_t least);
Param names (const char *name, const char *text, const char *prefix);
Param color ();
Param file (const char *text);
Param object (const char *name, Kind kind, const char *text,
              const Params &fields);
Params operator+ (const Params &one, const Params &other);
Params placed ();                       /* at, axis                       */

class Call;

struct Op {
    std::string name, group, title;
    Params params;
    void (*run) (Call &call);
    double weight = 1;                  /* share of progress, by cost     */
    bool memo = true;                   /* worth a look into the memo     */
    void (*emit) (Call &call) = nullptr; /* writes files, memo or not      */
};

/*  The op of that name, or NULL.  */
const Op *find_op (const std::string &name);
const std::vector<Op> &all_ops ();

/*  Each reference below `arguments`, which a visitor may replace.  */
void each_reference (
    const Params &params, json_t *arguments,
    const std::function<std::string (const std::string &)> &visit);

std::vector<Op> primitive_ops ();
std::vector<Op> wire_ops ();
std::vector<Op> compose_ops ();
std::vector<Op> boolean_ops ();
std::vector<Op> section_ops ();
std::vector<Op> sweep_ops ();
std::vector<Op> edge_ops ();
std::vector<Op> offset_ops ();
std::vector<Op> place_ops ();
std::vector<Op> file_ops ();
std::vector<Op> mesh_ops ();
std::vector<Op> project_ops ();
std::vector<Op> look_ops ();
std::vector<Op> inspect_ops ();
std::vector<Op> heal_ops ();

} // namespace fcj

#endif

/*  call.hpp - one step while it runs: its arguments, its operands, what it
 *  makes. The functions in ops_*.cpp see nothing else of the kernel.  */

#ifndef FCJ_KERNEL_CALL_HPP
#define FCJ_KERNEL_CALL_HPP

#include "fault.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "summary.hpp"
#include "value.hpp"

#include <Message_ProgressScope.hxx>
#include <gp_Ax2.hxx>
#include <gp_Vec.hxx>

namespace fcj {

/*  The checked arguments of a step, or of an object in it. What the table
 *  declares with a default or as required is there; ask has() for the rest. */
class Arguments
{
  public:
    explicit Arguments (json_t *borrowed) : self (borrowed)
    {
    }
    bool has (const char *name) const;
    double number (const char *name) const;
    int integer (const char *name) const;
    bool flag (const char *name) const;
    std::string text (const char *name) const;
    bool is (const char *name, const char *word) const;
    gp_Pnt point (const char *name) const;
    gp_Vec vector (const char *name) const;
    gp_Dir direction (const char *name) const;
    gp_Ax2 place () const;                          /* at, axis */
    std::vector<double> numbers (const char *name) const;
    std::vector<gp_Pnt> points (const char *name) const;
    std::vector<std::string> texts (const char *name) const;
    std::vector<Arguments> objects (const char *name) const;
    json_t *get (const char *name) const;

  private:
    json_t *self;
};

/*  A shape that a step works on, and its name in errors: "tools[17]".  */
struct Operand {
    TopoDS_Shape shape;
    const Value *value;
    std::string where;
    bool valid;
};

struct File {
    std::string name, format, mime, step;
    long long size;
};

/*  All that a run has; made by run.cpp.  */
struct Run {
    Plan plan;
    std::map<std::string, Value> values;        /* by step and input     */
    std::map<std::string, std::string> bytes;   /* inputs                */
    std::map<std::string, std::string> formats; /* of inputs, "" unknown */
    std::vector<File> files;
    Volumes volumes;
    const fcj_kernel_options_t *options;
    const fcj_kernel_hooks_t *hooks;
    Handle (Indicator) indicator;
    int threads;
};

class Call : public Arguments
{
  public:
    Call (Run &run, const Step &step, const Message_ProgressRange &range);

    /*  Operands: never null shapes. members: compounds in the list count as
     *  their members.  */
    Operand shape (const char *name = "shape");
    std::vector<Operand> shapes (const char *name, bool members = false);
    Operand operand (const std::string &reference, const std::string &where);

    /*  That share of the step's progress; throws when cancelled.  */
    Message_ProgressRange range (double share);
    void poll () const;
    bool parallel () const
    {
        return run.threads > 1;
    }

    /*  A path for a new file of the step; then say that it is complete.  */
    std::string path (const std::string &name);
    void wrote (const std::string &name, const std::string &format);

    /*  Something that went other than asked, but is all right.  */
    void note (const std::string &text);

    Run &run;
    const Step &step;
    Value made;                         /* shape null: the step has none  */
    Json data = Json::object ();
    Json notes = Json::array ();
    Json files = Json::array ();

  private:
    Message_ProgressScope scope;
};

/*  Shape for people: "Solid", "Compound"...  */
const char *kind_name (const TopoDS_Shape &shape);
const char *kind_name (TopAbs_ShapeEnum kind);

/*  "Face3" of a shape; throws a reference fault that says how many it has. */
TopoDS_Shape part_of (const TopoDS_Shape &shape, const std::string &name,
                      const std::string &where);

} // namespace fcj

#endif

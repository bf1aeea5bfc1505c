/*  ops_mesh.cpp - triangulation, and STL, OBJ, PLY and glTF from it.  */

#include "mesh.hpp"
#include "verify.hpp"
#include "xde.hpp"

#include <BRepMesh_IncrementalMesh.hxx>
#include <BRep_Tool.hxx>
#include <OSD_Path.hxx>
#include <Poly_Triangulation.hxx>
#include <RWGltf_CafWriter.hxx>
#include <RWObj_CafWriter.hxx>
#include <RWStl.hxx>
#include <TColStd_IndexedDataMapOfStringString.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <algorithm>
#include <cmath>
#include <fstream>

namespace fcj {

static const double RADIANS = M_PI / 180;
static const double MM = 0.001;             /* glTF is in metres */

Params mesh_params ()
{
    return {number ("linear", "Greatest distance from the surface, mm")
                .within (1e-5, 1e5)
                .otherwise ("0.1"),
            angle ("angular", "Greatest angle between neighbours")
                .within (0.5, 90)
                .otherwise ("28.6"),
            flag ("relative", "linear is a part of each edge's size", false)};
}

/*  Faces that have no triangles, by name.  */
static std::vector<std::string> s_bare (const TopoDS_Shape &shape)
{
    std::vector<std::string> made;
    TopTools_IndexedMapOfShape faces;
    TopExp::MapShapes (shape, TopAbs_FACE, faces);
    for (int at = 1; at <= faces.Extent (); at++) {
        TopLoc_Location location;
        if (BRep_Tool::Triangulation (TopoDS::Face (faces (at)), location)
                .IsNull ())
            made.push_back ("Face" + std::to_string (at));
    }
    return made;
}

void mesh (Call &call, const TopoDS_Shape &shape, double share)
{
    if (!has_any (shape, TopAbs_FACE))
        invalid ("wrong_type", "the shape has no faces, so it has no mesh",
                 "shape");
    IMeshTools_Parameters parameters;
    parameters.Deflection = call.number ("linear");
    parameters.Angle = call.number ("angular") * RADIANS;
    parameters.Relative = call.flag ("relative");
    parameters.InParallel = call.parallel ();
    parameters.AllowQualityDecrease = true;
    BRepMesh_IncrementalMesh mesher;
    mesher.SetShape (shape);
    mesher.ChangeParameters () = parameters;
    mesher.Perform (call.range (share));
    call.poll ();
    const std::vector<std::string> bare = s_bare (shape);
    if (!bare.empty ())
        failure ("algorithm", format ("%zu faces could not be meshed, the first "
                                      "is %s; op check may say why, op heal "
                                      "may help", bare.size (),
                                      bare[0].c_str ()), "shape", bare);
}

/* ---- Triangles of all faces, in one list -------------------------------- */

struct Triangles {
    std::vector<gp_Pnt> points;
    std::vector<std::array<int, 3>> corners;
};

static Triangles s_triangles (const TopoDS_Shape &shape)
{
    Triangles all;
    for (TopExp_Explorer it (shape, TopAbs_FACE); it.More (); it.Next ()) {
        TopLoc_Location location;
        const Handle (Poly_Triangulation) mesh = BRep_Tool::Triangulation (
            TopoDS::Face (it.Current ()), location);
        if (mesh.IsNull ())
            continue;
        const int base = (int) all.points.size () - 1;
        for (int at = 1; at <= mesh->NbNodes (); at++)
            all.points.push_back (
                mesh->Node (at).Transformed (location.Transformation ()));
        const bool turned = (it.Current ().Orientation () == TopAbs_REVERSED) !=
                            location.Transformation ().IsNegative ();
        for (int at = 1; at <= mesh->NbTriangles (); at++) {
            int a, b, c;
            mesh->Triangle (at).Get (a, b, c);
            if (turned)
                std::swap (b, c);
            all.corners.push_back ({base + a, base + b, base + c});
        }
    }
    return all;
}

/*  Faces meet in points that differ by rounding: one point for those, so that
 *  the mesh is closed for who reads it. A triangle without area goes.  */
class Weld
{
  public:
    int of (const gp_Pnt &point)
    {
        int best = -1;
        for (int corner = 0; corner < 8 && best < 0; corner++) {
            auto found = cells.find (cell (point, corner));
            if (found != cells.end ())
                for (int at : found->second)
                    if (points[(size_t) at].SquareDistance (point) <
                        NEAR * NEAR)
                        best = at;
        }
        if (best >= 0)
            return best;
        points.push_back (point);
        cells[cell (point, 0)].push_back ((int) points.size () - 1);
        return (int) points.size () - 1;
    }
    std::vector<gp_Pnt> points;

  private:
    using Cell = std::array<long long, 3>;

    /*  The cell of a point, or those that its neighbourhood reaches into.  */
    static Cell cell (const gp_Pnt &point, int corner)
    {
        Cell made;
        for (int axis = 0; axis < 3; axis++) {
            const double moved = corner == 0               ? 0
                                 : corner & (1 << axis)    ? NEAR
                                                           : -NEAR;
            made[(size_t) axis] =
                std::llround ((point.Coord (axis + 1) + moved) / SIZE);
        }
        return made;
    }
    static constexpr double NEAR = 1e-7, SIZE = 1e-3;   /* mm */
    std::map<Cell, std::vector<int>> cells;
};

static Triangles s_welded (const TopoDS_Shape &shape)
{
    const Triangles loose = s_triangles (shape);
    Triangles made;
    Weld weld;
    std::vector<int> index;
    for (const gp_Pnt &point : loose.points)
        index.push_back (weld.of (point));
    made.points = weld.points;
    for (const auto &corner : loose.corners) {
        const int a = index[(size_t) corner[0]], b = index[(size_t) corner[1]],
                  c = index[(size_t) corner[2]];
        if (a != b && b != c && a != c)
            made.corners.push_back ({a, b, c});
    }
    return made;
}

static bool s_write_stl (const TopoDS_Shape &shape, const std::string &path,
                         bool ascii, const Message_ProgressRange &range)
{
    const Triangles all = s_welded (shape);
    if (all.corners.empty ())
        return false;
    Handle (Poly_Triangulation) mesh = new Poly_Triangulation (
        (int) all.points.size (), (int) all.corners.size (), false);
    for (size_t at = 0; at < all.points.size (); at++)
        mesh->SetNode ((int) at + 1, all.points[at]);
    for (size_t at = 0; at < all.corners.size (); at++)
        mesh->SetTriangle ((int) at + 1,
                           Poly_Triangle (all.corners[at][0] + 1,
                                          all.corners[at][1] + 1,
                                          all.corners[at][2] + 1));
    const OSD_Path file (path.c_str ());
    return ascii ? RWStl::WriteAscii (mesh, file, range)
                 : RWStl::WriteBinary (mesh, file, range);
}

template <class T> static void s_put (std::ostream &stream, T value)
{
    stream.write ((const char *) &value, sizeof value);
}

/*  PLY by hand: OCCT 7.6 has no writer. Binary is little-endian as we are.  */
static bool s_write_ply (const TopoDS_Shape &shape, const std::string &path,
                         bool ascii)
{
    const Triangles all = s_welded (shape);
    std::ofstream stream (path, std::ios::binary);
    stream.imbue (std::locale::classic ());
    stream.precision (9);
    stream << "ply\nformat "
           << (ascii ? "ascii" : "binary_little_endian")
           << " 1.0\nelement vertex " << all.points.size ()
           << "\nproperty float x\nproperty float y\nproperty float z\n"
           << "element face " << all.corners.size ()
           << "\nproperty list uchar int vertex_indices\nend_header\n";
    for (const gp_Pnt &point : all.points)
        if (ascii)
            stream << point.X () << ' ' << point.Y () << ' ' << point.Z ()
                   << '\n';
        else
            for (double value : {point.X (), point.Y (), point.Z ()})
                s_put (stream, (float) value);
    for (const auto &corner : all.corners)
        if (ascii)
            stream << "3 " << corner[0] << ' ' << corner[1] << ' ' << corner[2]
                   << '\n';
        else {
            s_put (stream, (unsigned char) 3);
            for (int at : corner)
                s_put (stream, at);
        }
    stream.close ();
    return stream.good ();
}

/* ---- Formats ------------------------------------------------------------ */

bool is_mesh_format (const std::string &format)
{
    return format == "stl" || format == "obj" || format == "ply" ||
           format == "gltf" || format == "glb";
}

std::string format_of (const std::string &file,
                       const std::vector<std::string> &known)
{
    std::string ending = file.substr (file.rfind ('.') + 1);
    for (char &letter : ending)
        letter = (char) std::tolower ((unsigned char) letter);
    static const std::map<std::string, std::string> other = {
        {"stp", "step"}, {"igs", "iges"}, {"brp", "brep"}};
    if (other.count (ending))
        ending = other.at (ending);
    if (std::find (known.begin (), known.end (), ending) != known.end ())
        return ending;
    std::string all;
    for (const std::string &one : known)
        all += (all.empty () ? "." : ", .") + one;
    invalid ("format", "file " + file + " must end in one of " + all, "file");
}

static bool s_write_caf (Call &call, const TopoDS_Shape &shape,
                         const Looks &looks, const std::string &path,
                         const std::string &format)
{
    Handle (TDocStd_Document) document = new_document ();
    to_document (document, shape, looks);
    TColStd_IndexedDataMapOfStringString about;
    if (format == "obj") {
        RWObj_CafWriter writer (path.c_str ());
        return writer.Perform (document, about, call.range (0.1));
    }
    RWGltf_CafWriter writer (path.c_str (), format == "glb");
    writer.ChangeCoordinateSystemConverter ().SetInputLengthUnit (MM);
    writer.ChangeCoordinateSystemConverter ().SetInputCoordinateSystem (
        RWMesh_CoordinateSystem_Zup);
    return writer.Perform (document, about, call.range (0.1));
}

/*  glTF and OBJ have files beside them when there is something to say.  */
static void s_wrote_beside (Call &call, const std::string &file,
                            const char *ending)
{
    const std::string name = file.substr (0, file.rfind ('.')) + ending;
    if (std::ifstream (std::string (call.run.options->directory) + "/" + name))
        call.wrote (name, ending + 1);
}

void write_mesh (Call &call, const TopoDS_Shape &shape, const Looks &looks,
                 const std::string &file, const std::string &format, bool ascii)
{
    const std::string path = call.path (file);
    bool good = false;
    if (format == "stl")
        good = s_write_stl (shape, path, ascii, call.range (0.1));
    else if (format == "ply")
        good = s_write_ply (shape, path, ascii);
    else
        good = s_write_caf (call, shape, looks, path, format);
    call.poll ();
    if (!good)
        failure ("file", "writing " + file + " failed; is the disk full?",
                 "file");
    call.wrote (file, format);
    if (format == "gltf")
        s_wrote_beside (call, file, ".bin");
    if (format == "obj")
        s_wrote_beside (call, file, ".mtl");
}

/* ---- The op ------------------------------------------------------------- */

static void s_mesh (Call &call)
{
    const Operand operand = call.shape ();
    call.made.looks = operand.value->looks;
    call.made.shape = operand.shape;
    call.made.valid = operand.valid;
    mesh (call, operand.shape, 0.85);
    const Triangles all = s_triangles (operand.shape);
    call.data.set ("triangles", (long long) all.corners.size ())
        .set ("nodes", (long long) all.points.size ());
}

static void s_emit (Call &call)
{
    if (call.has ("file"))
        write_mesh (call, call.made.shape, call.made.looks, call.text ("file"),
                    format_of (call.text ("file"),
                               {"stl", "obj", "ply", "gltf", "glb"}),
                    false);
}

std::vector<Op> mesh_ops ()
{
    Op op{"mesh", "files", "Triangles, and a file of them",
          Params{shape ()} + mesh_params () +
              Params{file ("x.stl, .obj, .ply, .gltf or .glb")},
          s_mesh};
    op.weight = 20;
    op.emit = s_emit;
    return {op};
}

} // namespace fcj

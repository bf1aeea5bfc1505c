/*  xde.hpp - names, colours and assemblies between OCCT's documents and ours. */

#ifndef FCJ_KERNEL_XDE_HPP
#define FCJ_KERNEL_XDE_HPP

#include "value.hpp"

#include <TDocStd_Document.hxx>

namespace fcj {

Handle (TDocStd_Document) new_document ();

/*  All free shapes: one is the value's shape, several are a compound. */
Value from_document (const Handle (TDocStd_Document) & document);

void to_document (const Handle (TDocStd_Document) & document,
                  const TopoDS_Shape &shape, const Looks &looks);

} // namespace fcj

#endif

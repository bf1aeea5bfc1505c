/*  json.cpp - see json.hpp.  */

#include "json.hpp"

#include <cstdlib>

namespace fcj {

Json Json::of (const std::string &value)
{
    if (json_t *made = json_stringn (value.data (), value.size ()))
        return Json (made);
    std::string plain;
    for (char byte : value)
        plain += byte >= ' ' && byte < 127 ? byte : '?';
    return Json (json_stringn (plain.data (), plain.size ()));
}

std::string Json::text (size_t flags) const
{
    char *made = json_dumps (self, flags);
    if (!made)
        throw std::bad_alloc ();
    std::string copy (made);
    std::free (made);
    return copy;
}

} // namespace fcj

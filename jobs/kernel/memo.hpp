/*  memo.hpp - a step's result as bytes that know their own key.
 *
 *      magic "FCJMEMO1" | key (64 hex) | JSON length (8, big-endian)
 *      | shape length (8) | JSON | binary BREP | SHA-256 of all before (32)
 *
 *  An entry that is cut, changed or of another key does not check, and is
 *  never looked into.  */

#ifndef FCJ_KERNEL_MEMO_HPP
#define FCJ_KERNEL_MEMO_HPP

#include "call.hpp"

namespace fcj {

std::string sha256_hex (const std::string &bytes);

/*  The key of a step from its arguments and the keys of what it refers to. */
std::string memo_key (const Run &run, const Step &step);

/*  Data, notes, looks and shape of what the call made.  */
std::string memo_pack (const std::string &key, const Call &call);

/*  False when the entry is not what it should be; the call is untouched.  */
bool memo_unpack (const std::string &key, const char *bytes, size_t size,
                  Call &call);

} // namespace fcj

#endif

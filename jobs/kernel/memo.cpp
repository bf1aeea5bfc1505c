/*  memo.cpp - see memo.hpp.  */

#include "memo.hpp"
#include "stream.hpp"

#include <BinTools.hxx>
#include <cstring>
#include <openssl/sha.h>
#include <sstream>

namespace fcj {

static const char MAGIC[] = "FCJMEMO1";
static const size_t MAGIC_LEN = 8, NUMBER_LEN = 8;
static const size_t HEAD_LEN =
    MAGIC_LEN + FCJ_KERNEL_KEY_LEN + 2 * NUMBER_LEN;

static std::string s_digest (const char *bytes, size_t size)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256 ((const unsigned char *) bytes, size, digest);
    return std::string ((char *) digest, sizeof digest);
}

std::string sha256_hex (const std::string &bytes)
{
    std::string text;
    for (unsigned char byte : s_digest (bytes.data (), bytes.size ()))
        text += format ("%02x", byte);
    return text;
}

std::string memo_key (const Run &run, const Step &step)
{
    Json arguments = step.arguments.copy ();
    json_object_del (arguments.get (), "file");
    each_reference (step.op->params, arguments.get (),
                    [&] (const std::string &text) {
                        Reference reference;
                        read_reference (text, reference);
                        auto found = run.values.find (reference.name);
                        std::string key =
                            found == run.values.end () ? reference.name
                                                       : found->second.key;
                        return key + "." + reference.kind +
                               std::to_string (reference.number);
                    });
    return sha256_hex (std::string (fcj_kernel_version ()) + "\n" +
                       step.op->name + "\n" + arguments.text ());
}

static std::string s_number (size_t value)
{
    std::string text;
    for (int shift = 56; shift >= 0; shift -= 8)
        text += (char) ((value >> shift) & 0xff);
    return text;
}

static size_t s_number (const char *bytes)
{
    size_t value = 0;
    for (size_t at = 0; at < NUMBER_LEN; at++)
        value = (value << 8) | (unsigned char) bytes[at];
    return value;
}

std::string memo_pack (const std::string &key, const Call &call)
{
    const std::string json =
        Json::object ()
            .set ("data", call.data)
            .set ("notes", call.notes)
            .set ("valid", call.made.valid)
            .set ("looks", call.made.looks.save (call.made.shape))
            .text ();
    std::ostringstream stream;
    stream.imbue (std::locale::classic ());
    BinTools::Write (call.made.shape, stream);
    const std::string shape = stream.str ();
    std::string entry = MAGIC + key + s_number (json.size ()) +
                        s_number (shape.size ()) + json + shape;
    return entry + s_digest (entry.data (), entry.size ());
}

static bool s_sound (const std::string &key, const char *bytes, size_t size)
{
    if (size < HEAD_LEN + SHA256_DIGEST_LENGTH ||
        std::memcmp (bytes, MAGIC, MAGIC_LEN) ||
        std::memcmp (bytes + MAGIC_LEN, key.data (), FCJ_KERNEL_KEY_LEN))
        return false;
    const size_t body = size - SHA256_DIGEST_LENGTH;
    return !std::memcmp (s_digest (bytes, body).data (), bytes + body,
                         SHA256_DIGEST_LENGTH);
}

bool memo_unpack (const std::string &key, const char *bytes, size_t size,
                  Call &call)
{
    if (!s_sound (key, bytes, size))
        return false;
    const char *numbers = bytes + MAGIC_LEN + FCJ_KERNEL_KEY_LEN;
    const size_t json = s_number (numbers);
    const size_t shape = s_number (numbers + NUMBER_LEN);
    if (json > size || shape > size ||
        HEAD_LEN + json + shape + SHA256_DIGEST_LENGTH != size)
        return false;
    json_t *read = json_loadb (bytes + HEAD_LEN, json, 0, nullptr);
    if (!read)
        return false;
    Json root (read);
    MemoryStream stream (bytes + HEAD_LEN + json, shape);
    TopoDS_Shape made;
    BinTools::Read (made, stream);
    if (made.IsNull ())
        return false;
    call.made.shape = made;
    call.made.valid = json_is_true (json_object_get (read, "valid"));
    call.made.looks = Looks::restore (made, json_object_get (read, "looks"));
    call.data = Json::share (json_object_get (read, "data"));
    call.notes = Json::share (json_object_get (read, "notes"));
    return true;
}

} // namespace fcj

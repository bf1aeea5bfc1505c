/*  json.hpp - jansson's values, owned: one Json holds one reference.
 *
 *  Numbers that JSON cannot hold become null; text that is not UTF-8 (names
 *  in old STEP files) loses the bytes that are not.  */

#ifndef FCJ_KERNEL_JSON_HPP
#define FCJ_KERNEL_JSON_HPP

#include <cmath>
#include <jansson.h>
#include <new>
#include <string>
#include <utility>

namespace fcj {

class Json
{
  public:
    Json () : self (json_null ())
    {
    }
    explicit Json (json_t *taken) : self (taken)
    {
        if (!taken)
            throw std::bad_alloc ();
    }
    Json (const Json &other) : self (json_incref (other.self))
    {
    }
    Json &operator= (Json other)
    {
        std::swap (self, other.self);
        return *this;
    }
    ~Json ()
    {
        json_decref (self);
    }
    static Json object ()
    {
        return Json (json_object ());
    }
    static Json array ()
    {
        return Json (json_array ());
    }
    static Json share (json_t *borrowed)
    {
        return Json (json_incref (borrowed));
    }
    static Json of (double value)
    {
        return std::isfinite (value) ? Json (json_real (value)) : Json ();
    }
    static Json of (int value)
    {
        return Json (json_integer (value));
    }
    static Json of (long long value)
    {
        return Json (json_integer (value));
    }
    static Json of (bool value)
    {
        return Json (json_boolean (value));
    }
    static Json of (const char *value)
    {
        return of (std::string (value));
    }
    static Json of (const std::string &value);
    static Json of (const Json &value)
    {
        return value;
    }

    json_t *get () const
    {
        return self;
    }
    Json copy () const
    {
        return Json (json_deep_copy (self));
    }
    template <class T> Json &set (const char *key, const T &value)
    {
        if (json_object_set (self, key, of (value).get ()))
            throw std::bad_alloc ();
        return *this;
    }
    template <class T> Json &append (const T &value)
    {
        if (json_array_append (self, of (value).get ()))
            throw std::bad_alloc ();
        return *this;
    }
    bool empty () const
    {
        return json_is_null (self) ||
               (json_is_object (self) && !json_object_size (self)) ||
               (json_is_array (self) && !json_array_size (self));
    }
    std::string text (size_t flags = JSON_COMPACT | JSON_SORT_KEYS |
                                     JSON_ENCODE_ANY) const;

  private:
    json_t *self;
};

} // namespace fcj

#endif

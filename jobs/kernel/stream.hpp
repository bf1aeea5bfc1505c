/*  stream.hpp - bytes in memory as a stream, not copied.  */

#ifndef FCJ_KERNEL_STREAM_HPP
#define FCJ_KERNEL_STREAM_HPP

#include <istream>
#include <locale>
#include <streambuf>

namespace fcj {

class MemoryBuffer : public std::streambuf
{
  public:
    MemoryBuffer (const char *bytes, size_t size)
    {
        char *begin = const_cast<char *> (bytes);
        setg (begin, begin, begin + size);
    }

  protected:
    pos_type seekoff (off_type offset, std::ios_base::seekdir way,
                      std::ios_base::openmode) override
    {
        char *from = way == std::ios_base::beg   ? eback ()
                     : way == std::ios_base::cur ? gptr ()
                                                 : egptr ();
        if (offset < eback () - from || offset > egptr () - from)
            return pos_type (off_type (-1));
        setg (eback (), from + offset, egptr ());
        return pos_type (gptr () - eback ());
    }
    pos_type seekpos (pos_type position, std::ios_base::openmode mode) override
    {
        return seekoff (off_type (position), std::ios_base::beg, mode);
    }
};

class MemoryStream : private MemoryBuffer, public std::istream
{
  public:
    MemoryStream (const char *bytes, size_t size)
        : MemoryBuffer (bytes, size),
          std::istream (static_cast<MemoryBuffer *> (this))
    {
        std::istream::imbue (std::locale::classic ());
    }
};

} // namespace fcj

#endif

//! Why a message was refused.

/// Why a message was refused. Each has the status it is answered with, a word for logs, and a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    RequestLine,
    Target,
    Version,
    EmptyLines,
    BareLf,
    Header,
    LookAlike,
    HostMissing,
    HostRepeated,
    HostInvalid,
    HostDiffers,
    LengthInvalid,
    LengthRepeated,
    LengthAndCoding,
    CodingRepeated,
    CodingInvalid,
    CodingUnknown,
    CodingInOldVersion,
    Nominated,
    ConnectWithBody,
    ChunkSize,
    ChunkExtension,
    ChunkEnd,
    Trailer,
    HeadTooLarge,
    TooManyHeaders,
    UrlTooLong,
    BodyTooLarge,
    /// Not a matter of form: the head did not come in time.
    TooSlow,
}

// === impl Violation ===

impl Violation {
    pub const ALL: [Violation; 29] = [
        Violation::RequestLine,
        Violation::Target,
        Violation::Version,
        Violation::EmptyLines,
        Violation::BareLf,
        Violation::Header,
        Violation::LookAlike,
        Violation::HostMissing,
        Violation::HostRepeated,
        Violation::HostInvalid,
        Violation::HostDiffers,
        Violation::LengthInvalid,
        Violation::LengthRepeated,
        Violation::LengthAndCoding,
        Violation::CodingRepeated,
        Violation::CodingInvalid,
        Violation::CodingUnknown,
        Violation::CodingInOldVersion,
        Violation::Nominated,
        Violation::ConnectWithBody,
        Violation::ChunkSize,
        Violation::ChunkExtension,
        Violation::ChunkEnd,
        Violation::Trailer,
        Violation::HeadTooLarge,
        Violation::TooManyHeaders,
        Violation::UrlTooLong,
        Violation::BodyTooLarge,
        Violation::TooSlow,
    ];

    /// The status it is answered with, and its reason phrase.
    #[must_use]
    pub fn status(self) -> (u16, &'static str) {
        match self {
            Violation::TooSlow => (408, "Request Timeout"),
            Violation::BodyTooLarge => (413, "Content Too Large"),
            Violation::UrlTooLong => (414, "URI Too Long"),
            Violation::HeadTooLarge | Violation::TooManyHeaders => (431, "Request Header Fields Too Large"),
            Violation::CodingUnknown => (501, "Not Implemented"),
            Violation::Version => (505, "HTTP Version Not Supported"),
            _ => (400, "Bad Request"),
        }
    }

    /// One word for logs and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Violation::RequestLine => "request-line",
            Violation::Target => "target",
            Violation::Version => "version",
            Violation::EmptyLines => "empty-lines",
            Violation::BareLf => "bare-lf",
            Violation::Header => "header",
            Violation::LookAlike => "look-alike",
            Violation::HostMissing => "host-missing",
            Violation::HostRepeated => "host-repeated",
            Violation::HostInvalid => "host-invalid",
            Violation::HostDiffers => "host-differs",
            Violation::LengthInvalid => "length-invalid",
            Violation::LengthRepeated => "length-repeated",
            Violation::LengthAndCoding => "length-and-coding",
            Violation::CodingRepeated => "coding-repeated",
            Violation::CodingInvalid => "coding-invalid",
            Violation::CodingUnknown => "coding-unknown",
            Violation::CodingInOldVersion => "coding-in-old-version",
            Violation::Nominated => "nominated",
            Violation::ConnectWithBody => "connect-with-body",
            Violation::ChunkSize => "chunk-size",
            Violation::ChunkExtension => "chunk-extension",
            Violation::ChunkEnd => "chunk-end",
            Violation::Trailer => "trailer",
            Violation::HeadTooLarge => "head-too-large",
            Violation::TooManyHeaders => "too-many-headers",
            Violation::UrlTooLong => "url-too-long",
            Violation::BodyTooLarge => "body-too-large",
            Violation::TooSlow => "too-slow",
        }
    }

    /// What is wrong, to whoever wrote the client.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Violation::RequestLine => "The first line is not a method, an address and a version.",
            Violation::Target => "The address in the first line is not one that may stand there.",
            Violation::Version => "The version is neither HTTP/1.0 nor HTTP/1.1.",
            Violation::EmptyLines => "There are too many empty lines before the request.",
            Violation::BareLf => {
                "A line ends with a line feed alone instead of carriage return and line feed."
            }
            Violation::Header => "A header has a character that must not stand there, or is folded.",
            Violation::LookAlike => "A header looks like one that says how long the message is, but is not.",
            Violation::HostMissing => "There is no Host header.",
            Violation::HostRepeated => "There is more than one Host header.",
            Violation::HostInvalid => "The Host header is not a host and a port.",
            Violation::HostDiffers => "The address and the Host header name different hosts.",
            Violation::LengthInvalid => "Content-Length is not a plain number.",
            Violation::LengthRepeated => "Content-Length is given more than once.",
            Violation::LengthAndCoding => "Both Content-Length and Transfer-Encoding are given.",
            Violation::CodingRepeated => "Transfer-Encoding is given more than once.",
            Violation::CodingInvalid => "Transfer-Encoding is not chunked.",
            Violation::CodingUnknown => "No transfer coding other than chunked is understood here.",
            Violation::CodingInOldVersion => "Transfer-Encoding does not exist in HTTP/1.0.",
            Violation::Nominated => "Connection names a header that is meant for everybody on the way.",
            Violation::ConnectWithBody => "A CONNECT request has no body.",
            Violation::ChunkSize => "The size of a chunk is not a plain hexadecimal number.",
            Violation::ChunkExtension => "The extension of a chunk is malformed or too long.",
            Violation::ChunkEnd => "A chunk does not end where its size says.",
            Violation::Trailer => {
                "The fields after the body are malformed, too long, or must not stand there."
            }
            Violation::HeadTooLarge => "The headers are too long.",
            Violation::TooManyHeaders => "There are too many headers.",
            Violation::UrlTooLong => "The address is too long.",
            Violation::BodyTooLarge => "The body is too long.",
            Violation::TooSlow => "The request did not come in time.",
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Violation {}

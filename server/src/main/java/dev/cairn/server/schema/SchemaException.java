package dev.cairn.server.schema;

/** A schema that outputs cannot be held to; the message names keyword and path. */
public final class SchemaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SchemaException(String path, String message) {
    super((path.isEmpty() ? "The schema's root " : "The schema at " + path + " ") + message);
  }

  SchemaException(String tool, String message, String what) {
    super("The " + what + " of tool " + tool + " " + message);
  }

  static SchemaException unsupported(String path, String keyword) {
    return new SchemaException(
        path,
        "has the keyword \""
            + keyword
            + "\", which is not supported here; expected a schema without it.");
  }
}

package dev.cairn.persistence;

import java.util.Objects;

/**
 * How the output of a request is shown to its client. None of it changes the output.
 *
 * @param form the API that the request came in by
 * @param context what that API has to know beside the tokens to say the same again later: JSON,
 *     which only the API reads; empty: nothing
 */
public record Answer(Form form, String context) {
  /** A text completion. */
  public static final Answer COMPLETION = new Answer(Form.COMPLETION, "");

  public Answer {
    Objects.requireNonNull(form, "an answer without a form");
    Objects.requireNonNull(context, "an answer without a context, expected empty for none");
  }

  /** The ways to ask. */
  public enum Form {
    /** {@code /v1/completions}. */
    COMPLETION,
    /** {@code /v1/chat/completions}. */
    CHAT,
    /** {@code /v1/responses}. */
    RESPONSE
  }
}

package dev.cairn.server.chat;

/** A chat template cannot make a prompt of these messages; the message is for the client. */
public final class ChatTemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ChatTemplateException(String message) {
    super(message, null, false, false);
  }
}

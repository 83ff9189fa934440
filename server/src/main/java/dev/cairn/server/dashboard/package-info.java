/** The page on the API's port that shows the server and lets people try it. */
package dev.cairn.server.dashboard;

"""Transcripts of records: what becomes of ours, what is known of those of partners, and what helps to recognise one."""

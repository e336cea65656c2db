"""What a change would do: two Plans compared, object by object and field by field."""

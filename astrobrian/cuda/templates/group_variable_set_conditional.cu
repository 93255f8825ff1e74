{# As Brian2CUDA's, but a variable that all cells share may be read both once and for each cell. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'brian2cuda/group_variable_set_conditional.cu' %}

{% block kernel_maincode %}
    {{scalar_code['condition']|autoindent}}
    {{scalar_code['statement']|autoindent}}
    {
        {{vector_code['condition']|autoindent}}
        if (_cond)
        {
            {{vector_code['statement']|autoindent}}
        }
    }
{% endblock %}

{# As Brian2CUDA's, but a variable that all cells share may be read both once and for each cell, and where the code
   changes one, one thread does it all. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'brian2cuda/group_variable_set_conditional.cu' %}

{% block modify_kernel_dimensions %}
    {% if in_order %}
    num_blocks = num_threads = 1;
    {% endif %}
{% endblock %}

{% block kernel_maincode %}
    {{scalar_code['condition']|autoindent}}
    {{scalar_code['statement']|autoindent}}
    {% if in_order %}
    for (_idx = 0; _idx < _N; _idx++)
    {% endif %}
    {
        {% if in_order %}
        _vectorisation_idx = _idx;
        {% endif %}
        {{vector_code['condition']|autoindent}}
        if (_cond)
        {
            {{vector_code['statement']|autoindent}}
        }
    }
{% endblock %}

{% block kernel_call %}
    // synapses may be none
    if (_N > 0)
    {
        {{super()}}
    }
{% endblock %}
